# Vivado project of {{ axis.top }}: vivado -mode batch -source vivado/project.tcl -tclargs PART
# NOT RUN by who wrote it, for want of Vivado; its syntax and the files it names were checked.
set folder [file normalize [file join [file dirname [info script]] ..]]
set part [expr {$argc > 0 ? [lindex $argv 0] : "xc7a35tcpg236-1"}]
create_project -force {{ axis.top }} [file join $folder build vivado] -part $part
add_files -norecurse [list \
    [file join $folder {{ manifest.verilog }}] \
    [file join $folder {{ axis.verilog }}]]
{% for name in manifest.files %}
add_files -norecurse [file join $folder {{ name }}]
set_property file_type {Memory File} [get_files [file join $folder {{ name }}]]
{% endfor %}
add_files -fileset constrs_1 -norecurse [file join $folder constraints clock.xdc]
set_property top {{ axis.top }} [current_fileset]
update_compile_order -fileset sources_1
synth_design -top {{ axis.top }} -part $part -mode out_of_context
report_utilization -file [file join $folder build vivado utilization.txt]
report_timing_summary -file [file join $folder build vivado timing.txt]
