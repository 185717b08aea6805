package door

import (
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	t.Parallel()
	want := []int{25, 2525, 587, 465, 110, 995, 143, 993}
	for i, d := range All() {
		if d.Port != want[i] {
			t.Errorf("row %d is port %d, want %d", i, d.Port, want[i])
		}
	}
}

func TestParseOffset(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"": "auto", "auto": "auto", " Auto ": "auto", "0": "0", "3000": "3000", "63010": "63010", "random": "random",
	} {
		o, err := ParseOffset(in)
		if err != nil || o.String() != want {
			t.Errorf("ParseOffset(%q) = %v, %v; want %s", in, o, err, want)
		}
	}
	for in, part := range map[string]string{
		"-1": "out of range", "63011": "out of range", "many": "is not a number", "99999999999999999999": "is not a number", "1.5": "is not a number",
	} {
		if _, err := ParseOffset(in); err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("ParseOffset(%q): %v; want an error with %q", in, err, part)
		}
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	get := func(hosts ...string) []netip.Addr {
		t.Helper()
		all, err := Addresses(t.Context(), hosts)
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	loop4, loop6, other := netip.MustParseAddr("127.0.0.1"), netip.IPv6Loopback(), netip.MustParseAddr("192.0.2.7")
	if got := get(); !slices.Equal(got, []netip.Addr{loop4, loop6}) {
		t.Errorf("without --host: %v", got)
	}
	if got := get("192.0.2.7", "[::1]", "192.0.2.7"); !slices.Equal(got, []netip.Addr{other, loop6}) {
		t.Errorf("two addresses: %v", got)
	}
	own, err := net.InterfaceAddrs()
	if err != nil {
		t.Skip(err)
	}
	v4, all := get("0.0.0.0"), get("::")
	for _, a := range own {
		ip := netip.MustParsePrefix(a.String()).Addr()
		if ip.Is4() != slices.Contains(v4, ip) {
			t.Errorf("0.0.0.0: %v, of %v", v4, ip)
		}
		if !ip.IsLinkLocalUnicast() && !slices.Contains(all, ip) {
			t.Errorf("::, which is every address: %v lacks %v", all, ip)
		}
	}
	if _, err := Addresses(t.Context(), []string{"a:b"}); err == nil {
		t.Error("a:b is an address")
	}
}
