// A design of yours around the network: a counter makes samples, a FIFO keeps them until they are
// taken, and LEDs show that something comes out. Change it as you like.

`default_nettype none

module user_top(input wire clk, output wire [1:0] led);
  // Reset for the first 256 cycles.
  reg [8:0] awake = 0;
  always @(posedge clk) if (!awake[8]) awake <= awake + 1;
  wire aresetn = awake[8];

  // The counter: transfers of samples, one after the other, of changing data.
  localparam WIDTH = {{ 8 * axis.input.bytes }}, TRANSFERS = {{ constants.transfers_in }};
  reg [31:0] at = 0;
  reg [WIDTH+31:0] noise = 1;
  wire made;
  wire first = at == 0, last = at == TRANSFERS - 1;
  always @(posedge clk)
    if (!aresetn) at <= 0;
    else if (made) begin
      at <= last ? 0 : at + 1;
      noise <= {noise[WIDTH+30:0], noise[31] ^ noise[21] ^ noise[1] ^ noise[0]};
    end

  // The FIFO, of 16 transfers; one more waits in a register behind it.
  reg [WIDTH+1:0] kept [0:15];
  reg [4:0] written = 0, read = 0;
  reg [WIDTH+1:0] offered;
  reg valid = 0;
  wire taken;
  wire full = written[3:0] == read[3:0] && written[4] != read[4];
  wire empty = written == read;
  wire fetch = !valid || taken;
  assign made = aresetn && !full;
  always @(posedge clk) begin
    if (made) kept[written[3:0]] <= {last, first, noise[WIDTH+31:32]};
    if (fetch) offered <= kept[read[3:0]];
    if (!aresetn) begin
      written <= 0; read <= 0; valid <= 0;
    end else begin
      if (made) written <= written + 1;
      if (fetch) valid <= !empty;
      if (fetch && !empty) read <= read + 1;
    end
  end

  // The network; nobody writes or reads its registers here.
  wire ready;
  assign taken = valid && ready;
  wire out_valid, out_last, out_first;
  wire [{{ 8 * axis.output.bytes - 1 }}:0] out_data;
  {{ axis.top }} network_axis_0 (
    .{{ axis.clock }}(clk), .{{ axis.reset }}(aresetn),
    .s_axis_tvalid(valid), .s_axis_tready(ready), .s_axis_tdata(offered[WIDTH-1:0]),
    .s_axis_tuser(offered[WIDTH]), .s_axis_tlast(offered[WIDTH+1]),
    .m_axis_tvalid(out_valid), .m_axis_tready(1'b1), .m_axis_tdata(out_data),
    .m_axis_tuser(out_first), .m_axis_tlast(out_last),
    .s_axil_awvalid(1'b0), .s_axil_awready(), .s_axil_awaddr({{ axis.registers.address_bits }}'b0), .s_axil_awprot(3'b0),
    .s_axil_wvalid(1'b0), .s_axil_wready(), .s_axil_wdata(32'b0), .s_axil_wstrb(4'b0),
    .s_axil_bvalid(), .s_axil_bready(1'b1), .s_axil_bresp(),
    .s_axil_arvalid(1'b0), .s_axil_arready(), .s_axil_araddr({{ axis.registers.address_bits }}'b0), .s_axil_arprot(3'b0),
    .s_axil_rvalid(), .s_axil_rready(1'b1), .s_axil_rdata(), .s_axil_rresp()
  );

  // One LED turns with every 1,024th sample, the other with every transfer that holds an odd
  // number of ones.
  reg [10:0] samples = 0;
  reg odd = 0;
  always @(posedge clk)
    if (out_valid) begin
      samples <= samples + out_last;
      odd <= odd ^ (^out_data) ^ out_first;
    end
  assign led = {odd, samples[10]};
endmodule

`default_nettype wire
