package wait

import (
	"strconv"
	"strings"
	"testing"
)

func lacks(raw []byte, part string) bool {
	h, word := HeadingOf(raw), longestWord(part)
	return h.grams.lack(word) || h.lacks(raw, word)
}

func TestLacks(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		raw, part string
		want      bool
	}{
		{"Subject: x\r\n\r\nHello Word\r\n", "word", false}, {"Subject: x\r\n\r\nHello Word\r\n", "wort", true}, {"Subject: wort\n\nHello\n", "wort", true},
		{"A: b\n\nfirst\r\n\r\nwort\n", "wort", false}, {"A: b\r\n\r\nfirst\n\nwort\n", "wort", false},
		{"Content-Transfer-Encoding: base64\n\nd29ydA==\n", "wort", false}, {"Content-Transfer-Encoding: 8BIT\n\nx\n", "wort", true},
		{"Content-Type: text/plain; charset=\"UTF-8\"\n\nx\n", "wort", true}, {"Content-Type: text/plain; charset=utf-16\n\nx\n", "wort", false},
		{"Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n", "wort", false}, {"no header", "wort", false}, {"\n\nwort", "wort", false}, {"\nb\n\n", "b", false},
		{"a: b\n\nx", "grüße", false}, {"a: b\n\nx", "grüße now", true}, {"a: b\n\nlongword", "o longword", false}, {"a: b\n\nx", "", false},
		{"a: b\n\nZ", "z", false}, {"a: b\n\n", "z", true}, {"a: b\n\nxz", "zx", true}, {"a: b\n\nzxZX", "zx", false},
	} {
		if got := lacks([]byte(tc.raw), tc.part); got != tc.want {
			t.Errorf("%q lacks %q: %v", tc.raw, tc.part, got)
		}
	}
}

// TestGrams checks that the filter spares most messages from being read, and knows nothing of a text that may go on.
func TestGrams(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("Grüße aus Zürich, and some more words in this line.\r\n", 16)
	h := HeadingOf([]byte("Subject: x\r\n\r\n" + text + "code 4711\r\n"))
	for _, word := range []string{"some", "WORDS", "4711", "ich", "in"} {
		if h.grams.lack(fold(word)) {
			t.Errorf("the text has %s", word)
		}
	}
	lacking := 0
	for i := range 1000 {
		if h.grams.lack(strconv.Itoa(5000 + i)) {
			lacking++
		}
	}
	if lacking < 950 {
		t.Errorf("of 1000 words that the text lacks, the filter knows %d", lacking)
	}
	long := strings.Repeat("a", MaxHeader)
	if h := HeadingOf([]byte("Subject: x\n\n" + long)); h.grams != nil {
		t.Error("a filter of the beginning of a message")
	}
}

// FuzzLacks checks that a message that is said to lack a text has it nowhere.
func FuzzLacks(f *testing.F) {
	f.Add([]byte("Content-Type: text/plain; charset=utf-8\r\n\r\nHello, World of mail\r\n"), "world of")
	f.Add([]byte("Content-Type: text/html;charset=iso-8859-1\n\n\xe4B12"), "b12")
	f.Fuzz(func(t *testing.T, raw []byte, part string) {
		part = fold(part)
		if lacks(raw, part) && strings.Contains(BodyOf(raw), part) {
			t.Errorf("%q has %q", raw, part)
		}
	})
}
