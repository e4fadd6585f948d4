# IP core of {{ axis.top }} for Vivado's block designs: vivado -mode batch -source vivado/package_ip.tcl
# NOT RUN by who wrote it, for want of Vivado; its syntax, files and interfaces were checked.
set folder [file normalize [file join [file dirname [info script]] ..]]
create_project -force -in_memory package_{{ axis.top }}
add_files -norecurse [list \
    [file join $folder {{ manifest.verilog }}] \
    [file join $folder {{ axis.verilog }}]]
{% for name in manifest.files %}
add_files -norecurse [file join $folder {{ name }}]
set_property file_type {Memory File} [get_files [file join $folder {{ name }}]]
{% endfor %}
set_property top {{ axis.top }} [current_fileset]
update_compile_order -fileset sources_1
ipx::package_project -root_dir [file join $folder build ip] -vendor user.org -library user \
    -taxonomy /UserIP -import_files -force
set core [ipx::current_core]
set_property name {{ axis.top }} $core
set_property version 1.0 $core
set_property display_name {Spiking network {{ manifest.network_sha256[:12] }}} $core
# The names of the ports are those by which Vivado finds AXI interfaces; each has the one clock.
foreach interface { {{- axis.input.stream }} {{ axis.output.stream }} {{ axis.registers.stream -}} } {
    ipx::associate_bus_interfaces -busif $interface -clock {{ axis.clock }} -reset {{ axis.reset }} $core
}
ipx::create_xgui_files $core
ipx::update_checksums $core
ipx::save_core $core
