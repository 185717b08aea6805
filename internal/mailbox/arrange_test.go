package mailbox

import (
	"reflect"
	"testing"
	"time"
)

func TestArrange(t *testing.T) {
	t.Parallel()
	a := New(Options{}).Account("alice")
	junk, err := a.Mailbox("Junk")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := junk.Append(NewMessage([]byte("x"), time.Now(), Envelope{}), nil, time.Time{}); err != nil {
		t.Fatal(err)
	}
	for range 2 { // a second login changes nothing
		a.Arrange([]Folder{{"[Gmail]/Sent Mail", `\Sent`}, {"[Gmail]/All Mail", `\All`}, {"Drafts", ""}, {"bad*name", ""}, {"INBOX", ""}})
		got := a.List()
		want := []Info{
			{Name: "INBOX", Exists: true, Subscribed: true},
			{Name: "Drafts", Exists: true, Subscribed: true},
			{Name: "Junk", SpecialUse: `\Junk`, Exists: true, Subscribed: true}, // it has mail
			{Name: "[Gmail]", HasChildren: true},
			{Name: "[Gmail]/All Mail", SpecialUse: `\All`, Exists: true, Subscribed: true},
			{Name: "[Gmail]/Sent Mail", SpecialUse: `\Sent`, Exists: true, Subscribed: true},
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
	}
}
