package smtp

import (
	"slices"
	"strings"
	"testing"

	"github.com/mailrig/mailrig/internal/event"
)

// TestLines checks that the result doesn't depend on how the bytes are split.
func TestLines(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, message string
		want          []event.Sign
	}{
		{"as it should be", "Subject: x\r\n\r\n..a dot\r\ntext.\r\n.\r\n", nil},
		{"a dot alone ends it", "text\r\n.\r\n", nil},
		{"a dot in the first line", ".hidden\r\n.\r\n", []event.Sign{event.UnstuffedDot}},
		{"a dot that isn't doubled", "text\r\n.profile\r\n.\r\n", []event.Sign{event.UnstuffedDot}},
		{"LF alone", "text\nmore\r\n.\r\n", []event.Sign{event.BareLF}},
		{"LF alone at the beginning", "\ntext\r\n.\r\n", []event.Sign{event.BareLF}},
		{"a dot behind LF alone begins no line", "text\n.profile\r\n.\r\n", []event.Sign{event.BareLF}},
		{"each once", "a\nb\nc\r\n.x\r\n.y\r\n.\r\n", []event.Sign{event.BareLF, event.UnstuffedDot}},
	} {
		for size := 1; size <= len(tc.message); size++ {
			var got []event.Sign
			notice := func(s event.Sign) { got = append(got, s) }
			var h lines
			h.begin()
			for piece := range slices.Chunk([]byte(tc.message), size) {
				h.look(piece, notice)
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("%s, %d bytes at a time: %v, want %v", tc.name, size, got, tc.want)
			}
		}
	}
}

// TestLinesBeginsAnew checks that a second message starts afresh, whatever the first one ended with.
func TestLinesBeginsAnew(t *testing.T) {
	t.Parallel()
	var got []event.Sign
	notice := func(s event.Sign) { got = append(got, s) }
	var h lines
	h.begin()
	h.look([]byte("cut off in the middle."), notice)
	h.begin()
	h.look([]byte(".hidden\r\n.\r\n"), notice)
	if !slices.Equal(got, []event.Sign{event.UnstuffedDot}) {
		t.Errorf("%v", got)
	}
}

// TestLinesCount checks that the counts don't depend on how the message is split.
func TestLinesCount(t *testing.T) {
	t.Parallel()
	message := "a\r\nbare\nstray\rcr\r\r\n.x\r\n" + strings.Repeat("y", 1200) + "\r\nM\xc3\xbcller\x00\r\n.\r\n"
	want := event.Lines{CRLF: 6, BareLF: 1, BareCR: 2, DoubleCR: 1, Longest: 1200, EightBit: true, NUL: true, Unstuffed: 1}
	for size := 1; size <= len(message); size++ {
		var l lines
		l.begin()
		for piece := range slices.Chunk([]byte(message), size) {
			l.look(piece, func(event.Sign) {})
		}
		if l.Lines != want {
			t.Fatalf("%d bytes at a time: %+v, want %+v", size, l.Lines, want)
		}
	}
}
