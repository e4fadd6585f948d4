// Lattice's DP16KD, a block RAM of ECP5: 18,432 bits, two ports of 1, 2, 4, 9, 18 or 36 bits.
//
// Our own model: Yosys has this cell as a black box. Its ports, address bits, byte enables and the
// words of its initial values (20 bits, of which 18 count) are those that Yosys' mapping uses
// (share/lattice/brams_map_16kd.v). It is no vendor's model, and has not been compared with one, nor
// with a device; ports of 18 and of 36 bits have been simulated. Lattice describes the cell in its
// "ECP5 and ECP5-5G Memory Usage Guide".
//
// It models what Yosys makes: no output registers (NOREG), a reset of what was read, chip selects at
// 0. Anything else names a module that there is not, and does not elaborate. Where a port reads what
// the other one writes in the same cycle, the old word comes; a device leaves that undefined, and
// Yosys puts logic beside it where a design minds.
module DP16KD #(
  parameter DATA_WIDTH_A = 18, DATA_WIDTH_B = 18,
  parameter REGMODE_A = "NOREG", REGMODE_B = "NOREG",
  parameter RESETMODE = "SYNC", ASYNC_RESET_RELEASE = "SYNC",
  parameter CSDECODE_A = "0b000", CSDECODE_B = "0b000",
  parameter CLKAMUX = "CLKA", CLKBMUX = "CLKB",
  parameter WRITEMODE_A = "NORMAL", WRITEMODE_B = "NORMAL",
  parameter GSR = "ENABLED",
  parameter [319:0] INITVAL_00 = 0, INITVAL_01 = 0, INITVAL_02 = 0, INITVAL_03 = 0,
  parameter [319:0] INITVAL_04 = 0, INITVAL_05 = 0, INITVAL_06 = 0, INITVAL_07 = 0,
  parameter [319:0] INITVAL_08 = 0, INITVAL_09 = 0, INITVAL_0A = 0, INITVAL_0B = 0,
  parameter [319:0] INITVAL_0C = 0, INITVAL_0D = 0, INITVAL_0E = 0, INITVAL_0F = 0,
  parameter [319:0] INITVAL_10 = 0, INITVAL_11 = 0, INITVAL_12 = 0, INITVAL_13 = 0,
  parameter [319:0] INITVAL_14 = 0, INITVAL_15 = 0, INITVAL_16 = 0, INITVAL_17 = 0,
  parameter [319:0] INITVAL_18 = 0, INITVAL_19 = 0, INITVAL_1A = 0, INITVAL_1B = 0,
  parameter [319:0] INITVAL_1C = 0, INITVAL_1D = 0, INITVAL_1E = 0, INITVAL_1F = 0,
  parameter [319:0] INITVAL_20 = 0, INITVAL_21 = 0, INITVAL_22 = 0, INITVAL_23 = 0,
  parameter [319:0] INITVAL_24 = 0, INITVAL_25 = 0, INITVAL_26 = 0, INITVAL_27 = 0,
  parameter [319:0] INITVAL_28 = 0, INITVAL_29 = 0, INITVAL_2A = 0, INITVAL_2B = 0,
  parameter [319:0] INITVAL_2C = 0, INITVAL_2D = 0, INITVAL_2E = 0, INITVAL_2F = 0,
  parameter [319:0] INITVAL_30 = 0, INITVAL_31 = 0, INITVAL_32 = 0, INITVAL_33 = 0,
  parameter [319:0] INITVAL_34 = 0, INITVAL_35 = 0, INITVAL_36 = 0, INITVAL_37 = 0,
  parameter [319:0] INITVAL_38 = 0, INITVAL_39 = 0, INITVAL_3A = 0, INITVAL_3B = 0,
  parameter [319:0] INITVAL_3C = 0, INITVAL_3D = 0, INITVAL_3E = 0, INITVAL_3F = 0
) (
  input DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9, DIA8, DIA7, DIA6, DIA5, DIA4,
    DIA3, DIA2, DIA1, DIA0,
  input ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2, ADA1, ADA0,
  input CEA, OCEA, CLKA, WEA, RSTA, CSA2, CSA1, CSA0,
  output DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6, DOA5,
    DOA4, DOA3, DOA2, DOA1, DOA0,
  input DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8, DIB7, DIB6, DIB5, DIB4,
    DIB3, DIB2, DIB1, DIB0,
  input ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3, ADB2, ADB1, ADB0,
  input CEB, OCEB, CLKB, WEB, RSTB, CSB2, CSB1, CSB0,
  output DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6, DOB5,
    DOB4, DOB3, DOB2, DOB1, DOB0
);
  generate
    if (REGMODE_A != "NOREG" || REGMODE_B != "NOREG" || CSDECODE_A != "0b000"
        || CSDECODE_B != "0b000") begin : refused
      DP16KD_of_this_kind_is_not_modelled refused ();
    end
  endgenerate

  reg [35:0] memory [0:511];
  integer i;
  initial for (i = 0; i < 8; i = i + 1) begin
    memory[0 + i] = {INITVAL_00[40*i + 20 +: 18], INITVAL_00[40*i +: 18]};
    memory[8 + i] = {INITVAL_01[40*i + 20 +: 18], INITVAL_01[40*i +: 18]};
    memory[16 + i] = {INITVAL_02[40*i + 20 +: 18], INITVAL_02[40*i +: 18]};
    memory[24 + i] = {INITVAL_03[40*i + 20 +: 18], INITVAL_03[40*i +: 18]};
    memory[32 + i] = {INITVAL_04[40*i + 20 +: 18], INITVAL_04[40*i +: 18]};
    memory[40 + i] = {INITVAL_05[40*i + 20 +: 18], INITVAL_05[40*i +: 18]};
    memory[48 + i] = {INITVAL_06[40*i + 20 +: 18], INITVAL_06[40*i +: 18]};
    memory[56 + i] = {INITVAL_07[40*i + 20 +: 18], INITVAL_07[40*i +: 18]};
    memory[64 + i] = {INITVAL_08[40*i + 20 +: 18], INITVAL_08[40*i +: 18]};
    memory[72 + i] = {INITVAL_09[40*i + 20 +: 18], INITVAL_09[40*i +: 18]};
    memory[80 + i] = {INITVAL_0A[40*i + 20 +: 18], INITVAL_0A[40*i +: 18]};
    memory[88 + i] = {INITVAL_0B[40*i + 20 +: 18], INITVAL_0B[40*i +: 18]};
    memory[96 + i] = {INITVAL_0C[40*i + 20 +: 18], INITVAL_0C[40*i +: 18]};
    memory[104 + i] = {INITVAL_0D[40*i + 20 +: 18], INITVAL_0D[40*i +: 18]};
    memory[112 + i] = {INITVAL_0E[40*i + 20 +: 18], INITVAL_0E[40*i +: 18]};
    memory[120 + i] = {INITVAL_0F[40*i + 20 +: 18], INITVAL_0F[40*i +: 18]};
    memory[128 + i] = {INITVAL_10[40*i + 20 +: 18], INITVAL_10[40*i +: 18]};
    memory[136 + i] = {INITVAL_11[40*i + 20 +: 18], INITVAL_11[40*i +: 18]};
    memory[144 + i] = {INITVAL_12[40*i + 20 +: 18], INITVAL_12[40*i +: 18]};
    memory[152 + i] = {INITVAL_13[40*i + 20 +: 18], INITVAL_13[40*i +: 18]};
    memory[160 + i] = {INITVAL_14[40*i + 20 +: 18], INITVAL_14[40*i +: 18]};
    memory[168 + i] = {INITVAL_15[40*i + 20 +: 18], INITVAL_15[40*i +: 18]};
    memory[176 + i] = {INITVAL_16[40*i + 20 +: 18], INITVAL_16[40*i +: 18]};
    memory[184 + i] = {INITVAL_17[40*i + 20 +: 18], INITVAL_17[40*i +: 18]};
    memory[192 + i] = {INITVAL_18[40*i + 20 +: 18], INITVAL_18[40*i +: 18]};
    memory[200 + i] = {INITVAL_19[40*i + 20 +: 18], INITVAL_19[40*i +: 18]};
    memory[208 + i] = {INITVAL_1A[40*i + 20 +: 18], INITVAL_1A[40*i +: 18]};
    memory[216 + i] = {INITVAL_1B[40*i + 20 +: 18], INITVAL_1B[40*i +: 18]};
    memory[224 + i] = {INITVAL_1C[40*i + 20 +: 18], INITVAL_1C[40*i +: 18]};
    memory[232 + i] = {INITVAL_1D[40*i + 20 +: 18], INITVAL_1D[40*i +: 18]};
    memory[240 + i] = {INITVAL_1E[40*i + 20 +: 18], INITVAL_1E[40*i +: 18]};
    memory[248 + i] = {INITVAL_1F[40*i + 20 +: 18], INITVAL_1F[40*i +: 18]};
    memory[256 + i] = {INITVAL_20[40*i + 20 +: 18], INITVAL_20[40*i +: 18]};
    memory[264 + i] = {INITVAL_21[40*i + 20 +: 18], INITVAL_21[40*i +: 18]};
    memory[272 + i] = {INITVAL_22[40*i + 20 +: 18], INITVAL_22[40*i +: 18]};
    memory[280 + i] = {INITVAL_23[40*i + 20 +: 18], INITVAL_23[40*i +: 18]};
    memory[288 + i] = {INITVAL_24[40*i + 20 +: 18], INITVAL_24[40*i +: 18]};
    memory[296 + i] = {INITVAL_25[40*i + 20 +: 18], INITVAL_25[40*i +: 18]};
    memory[304 + i] = {INITVAL_26[40*i + 20 +: 18], INITVAL_26[40*i +: 18]};
    memory[312 + i] = {INITVAL_27[40*i + 20 +: 18], INITVAL_27[40*i +: 18]};
    memory[320 + i] = {INITVAL_28[40*i + 20 +: 18], INITVAL_28[40*i +: 18]};
    memory[328 + i] = {INITVAL_29[40*i + 20 +: 18], INITVAL_29[40*i +: 18]};
    memory[336 + i] = {INITVAL_2A[40*i + 20 +: 18], INITVAL_2A[40*i +: 18]};
    memory[344 + i] = {INITVAL_2B[40*i + 20 +: 18], INITVAL_2B[40*i +: 18]};
    memory[352 + i] = {INITVAL_2C[40*i + 20 +: 18], INITVAL_2C[40*i +: 18]};
    memory[360 + i] = {INITVAL_2D[40*i + 20 +: 18], INITVAL_2D[40*i +: 18]};
    memory[368 + i] = {INITVAL_2E[40*i + 20 +: 18], INITVAL_2E[40*i +: 18]};
    memory[376 + i] = {INITVAL_2F[40*i + 20 +: 18], INITVAL_2F[40*i +: 18]};
    memory[384 + i] = {INITVAL_30[40*i + 20 +: 18], INITVAL_30[40*i +: 18]};
    memory[392 + i] = {INITVAL_31[40*i + 20 +: 18], INITVAL_31[40*i +: 18]};
    memory[400 + i] = {INITVAL_32[40*i + 20 +: 18], INITVAL_32[40*i +: 18]};
    memory[408 + i] = {INITVAL_33[40*i + 20 +: 18], INITVAL_33[40*i +: 18]};
    memory[416 + i] = {INITVAL_34[40*i + 20 +: 18], INITVAL_34[40*i +: 18]};
    memory[424 + i] = {INITVAL_35[40*i + 20 +: 18], INITVAL_35[40*i +: 18]};
    memory[432 + i] = {INITVAL_36[40*i + 20 +: 18], INITVAL_36[40*i +: 18]};
    memory[440 + i] = {INITVAL_37[40*i + 20 +: 18], INITVAL_37[40*i +: 18]};
    memory[448 + i] = {INITVAL_38[40*i + 20 +: 18], INITVAL_38[40*i +: 18]};
    memory[456 + i] = {INITVAL_39[40*i + 20 +: 18], INITVAL_39[40*i +: 18]};
    memory[464 + i] = {INITVAL_3A[40*i + 20 +: 18], INITVAL_3A[40*i +: 18]};
    memory[472 + i] = {INITVAL_3B[40*i + 20 +: 18], INITVAL_3B[40*i +: 18]};
    memory[480 + i] = {INITVAL_3C[40*i + 20 +: 18], INITVAL_3C[40*i +: 18]};
    memory[488 + i] = {INITVAL_3D[40*i + 20 +: 18], INITVAL_3D[40*i +: 18]};
    memory[496 + i] = {INITVAL_3E[40*i + 20 +: 18], INITVAL_3E[40*i +: 18]};
    memory[504 + i] = {INITVAL_3F[40*i + 20 +: 18], INITVAL_3F[40*i +: 18]};
  end

  wire [13:0] at_a = {ADA13, ADA12, ADA11, ADA10, ADA9, ADA8, ADA7, ADA6, ADA5, ADA4, ADA3, ADA2,
    ADA1, ADA0};
  wire [13:0] at_b = {ADB13, ADB12, ADB11, ADB10, ADB9, ADB8, ADB7, ADB6, ADB5, ADB4, ADB3, ADB2,
    ADB1, ADB0};
  // Port A: which bits of a row it sees, and where its data stand in a row.
  wire clock_a = (CLKAMUX == "INV") ? ~CLKA : CLKA;
  wire on_a = CEA && !CSA2 && !CSA1 && !CSA0;
  reg [5:0] low_a;
  reg [35:0] may_a, given_a;
  wire [17:0] in_a = {DIA17, DIA16, DIA15, DIA14, DIA13, DIA12, DIA11, DIA10, DIA9, DIA8, DIA7,
    DIA6, DIA5, DIA4, DIA3, DIA2, DIA1, DIA0};
  always @* begin
    case (DATA_WIDTH_A)
      36: low_a = 0;
      18: low_a = 18 * at_a[4];
      9: low_a = 9 * at_a[4:3];
      4: low_a = 9 * at_a[4:3] + {at_a[2], 2'b00};
      2: low_a = 9 * at_a[4:3] + {at_a[2:1], 1'b0};
      default: low_a = 9 * at_a[4:3] + at_a[2:0];
    endcase
    case (DATA_WIDTH_A)
      36: may_a = {{9{at_a[3]}}, {9{at_a[2]}}, {9{at_a[1]}}, {9{at_a[0]}}};
      18: may_a = {18'b0, {9{at_a[1]}}, {9{at_a[0]}}} << low_a;
      default: may_a = ((36'd1 << DATA_WIDTH_A) - 1) << low_a;
    endcase
    given_a = DATA_WIDTH_A == 36 ? {in_b, in_a} : {18'b0, in_a} << low_a;
  end
  wire [35:0] write_a = on_a && WEA && !RSTA ? may_a : 36'b0;
  wire [35:0] word_a = memory[at_a[13:5]];
  reg [35:0] read_a = 0;
  integer bit_a;
  always @(posedge clock_a) begin
    for (bit_a = 0; bit_a < 36; bit_a = bit_a + 1)
      if (write_a[bit_a]) memory[at_a[13:5]][bit_a] <= given_a[bit_a];
  end
  reg [35:0] next_a;
  always @* begin
    next_a = read_a;
    if (on_a && (!WEA || WRITEMODE_A == "READBEFOREWRITE")) next_a = word_a >> low_a;
    else if (on_a && WRITEMODE_A == "WRITETHROUGH")
      next_a = ((word_a & ~write_a) | (given_a & write_a)) >> low_a;
  end
  generate
    if (RESETMODE == "ASYNC") begin : late_a
      always @(posedge clock_a, posedge RSTA)
        if (RSTA) read_a <= 0;
        else read_a <= next_a;
    end else begin : clocked_a
      always @(posedge clock_a)
        if (RSTA) read_a <= 0;
        else read_a <= next_a;
    end
  endgenerate
  // Port B: which bits of a row it sees, and where its data stand in a row.
  wire clock_b = (CLKBMUX == "INV") ? ~CLKB : CLKB;
  wire on_b = CEB && !CSB2 && !CSB1 && !CSB0;
  reg [5:0] low_b;
  reg [35:0] may_b, given_b;
  wire [17:0] in_b = {DIB17, DIB16, DIB15, DIB14, DIB13, DIB12, DIB11, DIB10, DIB9, DIB8, DIB7,
    DIB6, DIB5, DIB4, DIB3, DIB2, DIB1, DIB0};
  always @* begin
    case (DATA_WIDTH_B)
      36: low_b = 0;
      18: low_b = 18 * at_b[4];
      9: low_b = 9 * at_b[4:3];
      4: low_b = 9 * at_b[4:3] + {at_b[2], 2'b00};
      2: low_b = 9 * at_b[4:3] + {at_b[2:1], 1'b0};
      default: low_b = 9 * at_b[4:3] + at_b[2:0];
    endcase
    case (DATA_WIDTH_B)
      36: may_b = {{9{at_b[3]}}, {9{at_b[2]}}, {9{at_b[1]}}, {9{at_b[0]}}};
      18: may_b = {18'b0, {9{at_b[1]}}, {9{at_b[0]}}} << low_b;
      default: may_b = ((36'd1 << DATA_WIDTH_B) - 1) << low_b;
    endcase
    given_b = DATA_WIDTH_B == 36 ? {in_b, in_a} : {18'b0, in_b} << low_b;
  end
  wire [35:0] write_b = on_b && WEB && !RSTB ? may_b : 36'b0;
  wire [35:0] word_b = memory[at_b[13:5]];
  reg [35:0] read_b = 0;
  integer bit_b;
  always @(posedge clock_b) begin
    for (bit_b = 0; bit_b < 36; bit_b = bit_b + 1)
      if (write_b[bit_b]) memory[at_b[13:5]][bit_b] <= given_b[bit_b];
  end
  reg [35:0] next_b;
  always @* begin
    next_b = read_b;
    if (on_b && (!WEB || WRITEMODE_B == "READBEFOREWRITE")) next_b = word_b >> low_b;
    else if (on_b && WRITEMODE_B == "WRITETHROUGH")
      next_b = ((word_b & ~write_b) | (given_b & write_b)) >> low_b;
  end
  generate
    if (RESETMODE == "ASYNC") begin : late_b
      always @(posedge clock_b, posedge RSTB)
        if (RSTB) read_b <= 0;
        else read_b <= next_b;
    end else begin : clocked_b
      always @(posedge clock_b)
        if (RSTB) read_b <= 0;
        else read_b <= next_b;
    end
  endgenerate
  // A port of 36 bits has the high half on the other port's pins; the other one only writes then.
  assign {DOA17, DOA16, DOA15, DOA14, DOA13, DOA12, DOA11, DOA10, DOA9, DOA8, DOA7, DOA6, DOA5,
    DOA4, DOA3, DOA2, DOA1, DOA0} = DATA_WIDTH_B == 36 ? read_b[17:0] : read_a[17:0];
  assign {DOB17, DOB16, DOB15, DOB14, DOB13, DOB12, DOB11, DOB10, DOB9, DOB8, DOB7, DOB6, DOB5,
    DOB4, DOB3, DOB2, DOB1, DOB0} = DATA_WIDTH_B == 36 ? read_b[35:18] : read_b[17:0];
endmodule
