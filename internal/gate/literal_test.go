package gate

import "testing"

func TestLiteralsAreCounted(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"{tag} OK": "a1 OK",
		"* 1 FETCH (BODY[] {literal}x\r\ny{end})\r\n": "* 1 FETCH (BODY[] {4}\r\nx\r\ny)\r\n",
		"{literal}ü{end} {literal}{end} {tag}":        "{2}\r\nü {0}\r\n a1",
		"{literal}without an end":                     "{literal}without an end",
		"{12}\r\nthe scenario's {literal}{tag}{end}":  "{12}\r\nthe scenario's {2}\r\na1",
	} {
		if got := string(withTag(raw, "a1")); got != want {
			t.Errorf("%q becomes %q, want %q", raw, got, want)
		}
	}
}

// TestLiteralsInLines checks that line ends in a literal are counted as they are sent.
func TestLiteralsInLines(t *testing.T) {
	t.Parallel()
	want := "* 1 FETCH (BODY[] {4}\r\nx\r\ny)\r\n* 2 EXISTS\r\n"
	if got := string(wireLines("* 1 FETCH (BODY[] {literal}x\ny{end})\n* 2 EXISTS")); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
