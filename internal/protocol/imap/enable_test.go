package imap

import "testing"

// TestEnable checks that the engine is asked only for what mailrig announces.
func TestEnable(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"IMAP4rev2":             "a ENABLE\r\n",
		"imap4REV2 UTF8=ACCEPT": "a ENABLE UTF8=ACCEPT\r\n",
		"CONDSTORE X-FOO":       "a ENABLE CONDSTORE X-FOO\r\n",
		"":                      "a ENABLE\r\n",
	} {
		f := &framing{logged: true}
		line := "a ENABLE " + args + "\r\n"
		if args == "" {
			line = "a ENABLE\r\n"
		}
		if got := string(f.enable("a", []byte(line), []byte(args))); got != want {
			t.Errorf("ENABLE %s: %q, want %q", args, got, want)
		}
		if want := args == "imap4REV2 UTF8=ACCEPT"; f.utf8 != want {
			t.Errorf("ENABLE %s: names are UTF-8: %v", args, f.utf8)
		}
	}
}

// TestNamesInUTF8 checks that a name is the same for the engine as for the client.
func TestNamesInUTF8(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"\"Gr\u00fc\u00dfe & Co\"": `"Gr&APwA3w-e &- Co"`, "Entw\u00fcrfe": "Entw&APw-rfe", "INBOX": "INBOX", `"R&D"`: `"R&-D"`, "\u4f60\u597d": "&T2BZfQ-",
		"bad\xff&": "bad\xff&",
	} {
		if got := string(asUTF7([]byte(name))); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
		if back := decodeUTF7(want); want != name && back != name {
			t.Errorf("%q decodes to %q, want %q", want, back, name)
		}
	}
}
