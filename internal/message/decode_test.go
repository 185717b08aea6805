package message

import (
	"encoding/base64"
	"testing"

	"golang.org/x/text/encoding/htmlindex"
)

// TestCharsets checks that text in a charset of real mail is read, in a header and in a body.
func TestCharsets(t *testing.T) {
	t.Parallel()
	for charset, text := range map[string]string{
		"koi8-r": "Привет", "koi8-u": "Привіт", "windows-1250": "Čšž", "windows-1251": "Привет", "windows-1252": "€uro", "windows-1253": "Γειά",
		"windows-1254": "Şğ", "windows-1255": "שלום", "windows-1256": "سلام", "windows-1257": "Ąž", "iso-8859-2": "Łódź", "iso-8859-5": "Привет",
		"iso-8859-7": "Γειά", "iso-8859-15": "€uro", "gb18030": "你好", "gbk": "你好", "gb2312": "你好", "big5": "你好", "shift_jis": "こんにちは",
		"euc-jp": "こんにちは", "euc-kr": "안녕", "iso-2022-jp": "こんにちは", "utf-16le": "Grüße", "utf-8": "Grüße",
	} {
		e, err := htmlindex.Get(charset)
		if err != nil {
			t.Fatal(charset, err)
		}
		raw := []byte(text)
		if charset == "utf-16le" {
			raw = []byte{'G', 0, 'r', 0, 0xfc, 0, 0xdf, 0, 'e', 0}
		} else if raw, err = e.NewEncoder().Bytes(raw); err != nil {
			t.Fatal(charset, err)
		}
		encoded := base64.StdEncoding.EncodeToString(raw)
		if got := DecodeText("=?" + charset + "?B?" + encoded + "?="); got != text {
			t.Errorf("%s in a header: %q, want %q", charset, got, text)
		}
		mail := []byte("Content-Type: text/plain; charset=" + charset + "\r\nContent-Transfer-Encoding: base64\r\n\r\n" + encoded)
		if got := Parse(mail).Text(mail); got != text {
			t.Errorf("%s in a body: %q, want %q", charset, got, text)
		}
	}
	for in, want := range map[string]string{"Hi Mom -+Jjo--!": "Hi Mom -☺-!", "A+ImIDkQ.": "A≢Α.", "1 +- 1": "1 + 1"} { // RFC 2152
		if got := toUTF8([]byte(in), "utf-7"); got != want {
			t.Errorf("UTF-7 %q: %q, want %q", in, got, want)
		}
	}
	if got := toUTF8([]byte{'a', 0xff, 'b'}, "x-unknown"); got != "aÿb" {
		t.Errorf("an unknown charset: %q", got)
	}
}
