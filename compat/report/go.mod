module gracchus/compat/report

go 1.24
