package identity

import (
	"slices"
	"strings"
	"testing"
)

var places = Places{Doors: []int{143, 993}, Protocols: []string{"imap", "pop3"}}

func TestOffer(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		words   string
		secrets bool
		door    int
		secure  bool
		want    string
	}{
		{"", false, 143, false, "PLAIN LOGIN"},
		{"plain", false, 143, false, "PLAIN LOGIN"},
		{"strong", true, 143, false, "SCRAM-SHA-512 SCRAM-SHA-256 SCRAM-SHA-1 CRAM-MD5 APOP"},
		{"tokens", false, 143, false, "XOAUTH2 OAUTHBEARER"},
		{"all", false, 143, false, "PLAIN LOGIN XOAUTH2 OAUTHBEARER"},
		{"all", true, 143, false, "SCRAM-SHA-512 SCRAM-SHA-256 SCRAM-SHA-1 CRAM-MD5 PLAIN LOGIN XOAUTH2 OAUTHBEARER APOP"},
		{"none", false, 143, false, ""},
		{"plain cram-md5", true, 143, false, "CRAM-MD5 PLAIN LOGIN"},
		{"EXTERNAL SCRAM-SHA-1-PLUS LOGIN", true, 143, false, "LOGIN"},
		{"EXTERNAL SCRAM-SHA-1-PLUS LOGIN", true, 143, true, "EXTERNAL SCRAM-SHA-1-PLUS LOGIN"},
		{"143:CRAM-MD5+PLAIN", true, 143, false, "CRAM-MD5 PLAIN"},
		{"143:CRAM-MD5", true, 993, true, "PLAIN LOGIN"},
		{"tokens imap:strong 993:NTLM", true, 993, true, "NTLM"},
		{"tokens imap/clear:CRAM-MD5 imap:PLAIN", true, 143, false, "CRAM-MD5"},
		{"tokens imap/clear:CRAM-MD5 imap:PLAIN", true, 143, true, "PLAIN"},
		{"clear:none", true, 143, false, ""},
		{"clear:none", true, 143, true, "PLAIN LOGIN"},
	} {
		o, err := ParseOffer(strings.Fields(tt.words), places, tt.secrets)
		if err != nil {
			t.Errorf("%s: %v", tt.words, err)
			continue
		}
		if got := o.At(tt.door, "imap", tt.secure); !slices.Equal(got, strings.Fields(tt.want)) {
			t.Errorf("%s, door %d, TLS %v: %v", tt.words, tt.door, tt.secure, got)
		}
	}
}

func TestOfferThatIsWrong(t *testing.T) {
	t.Parallel()
	for words, want := range map[string]string{
		"strong":         "--user name:password",
		"143:CRAM-MD5":   "--user name:password",
		"SCRAM":          "known are plain, strong",
		"144:plain":      `"144" isn't a place`,
		"143/imap:plain": `"143/imap" isn't a place`,
		"tls/clear:none": "isn't a place",
		"143:":           "no way to log in",
	} {
		if _, err := ParseOffer(strings.Fields(words), places, false); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", words, err, want)
		}
	}
}

// TestOfferCostsNothing checks that asking what is offered allocates nothing.
func TestOfferCostsNothing(t *testing.T) {
	o, err := ParseOffer([]string{"strong", "143:plain"}, places, true)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range []*Offer{nil, o} {
		if n := testing.AllocsPerRun(100, func() { o.At(143, "imap", true) }); n > 0 {
			t.Errorf("%.0f allocations", n)
		}
	}
}
