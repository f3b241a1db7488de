module poolctl

go 1.26
