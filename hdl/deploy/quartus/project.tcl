# Quartus project of {{ axis.top }}: quartus_sh -t quartus/project.tcl DEVICE
# NOT RUN by who wrote it, for want of Quartus; its syntax and the files it names were checked.
package require ::quartus::project
load_package flow
set folder [file normalize [file join [file dirname [info script]] ..]]
set device [expr {[llength $quartus(args)] > 0 ? [lindex $quartus(args) 0] : "5CSEBA6U23I7"}]
file mkdir [file join $folder build quartus]
cd [file join $folder build quartus]
project_new -overwrite {{ axis.top }}
set_global_assignment -name DEVICE $device
set_global_assignment -name TOP_LEVEL_ENTITY {{ axis.top }}
set_global_assignment -name VERILOG_FILE [file join $folder {{ manifest.verilog }}]
set_global_assignment -name VERILOG_FILE [file join $folder {{ axis.verilog }}]
{% if manifest.files %}
# Memory files are read from the folder in which the project stands.
foreach name { {{- manifest.files | join(" ") -}} } {
    file copy -force [file join $folder $name] .
}
{% endif %}
set_global_assignment -name SDC_FILE [file join $folder constraints clock.sdc]
export_assignments
execute_flow -compile
project_close
