package gate

import (
	"slices"
	"testing"

	"github.com/mailrig/mailrig/internal/transcript"
)

// What is noticed must not depend on how the bytes come.
func TestHygiene(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, message string
		want          []transcript.Event
	}{
		{"as it should be", "Subject: x\r\n\r\n..a dot\r\ntext.\r\n.\r\n", nil},
		{"a dot alone ends it", "text\r\n.\r\n", nil},
		{"a dot in the first line", ".hidden\r\n.\r\n", []transcript.Event{transcript.UnstuffedDot}},
		{"a dot that isn't doubled", "text\r\n.profile\r\n.\r\n", []transcript.Event{transcript.UnstuffedDot}},
		{"LF alone", "text\nmore\r\n.\r\n", []transcript.Event{transcript.BareLF}},
		{"LF alone at the beginning", "\ntext\r\n.\r\n", []transcript.Event{transcript.BareLF}},
		{"a dot behind LF alone begins no line", "text\n.profile\r\n.\r\n", []transcript.Event{transcript.BareLF}},
		{"each once", "a\nb\nc\r\n.x\r\n.y\r\n.\r\n", []transcript.Event{transcript.BareLF, transcript.UnstuffedDot}},
	} {
		for size := 1; size <= len(tc.message); size++ {
			rec := transcript.NewLog(1, nil).Begin(transcript.Info{})
			var h hygiene
			h.begin()
			for piece := range slices.Chunk([]byte(tc.message), size) {
				h.look(piece, rec)
			}
			var got []transcript.Event
			for _, u := range rec.Session().Units {
				got = append(got, u.Event)
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("%s, %d bytes at a time: %v, want %v", tc.name, size, got, tc.want)
			}
		}
	}
}

// A second message begins anew, whatever the one before ended with.
func TestHygieneBeginsAnew(t *testing.T) {
	t.Parallel()
	rec := transcript.NewLog(1, nil).Begin(transcript.Info{})
	var h hygiene
	h.begin()
	h.look([]byte("cut off in the middle."), rec)
	h.begin()
	h.look([]byte(".hidden\r\n.\r\n"), rec)
	if units := rec.Session().Units; len(units) != 1 || units[0].Event != transcript.UnstuffedDot {
		t.Errorf("%+v", units)
	}
}
