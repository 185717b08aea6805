package budget

import "os"

func physical() int64 { return meminfo(os.DirFS("/")) }
