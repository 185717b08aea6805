//go:build !unix

package trial

import "os"

func signalName(*os.ProcessState) string { return "" }
