package fault

import "testing"

func TestAddressReply(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"reply+550@example.test":                    "550 5.0.0 This is what the address asks for",
		"Reply+451+4.7.1@x":                         "451 4.7.1 This is what the address asks for",
		"reply+550+5.1.1+user-unknown@example.test": "550 5.1.1 user unknown",
		"reply+452+too+many":                        "452 4.0.0 too many",
		"reply+550+4.7.1@x":                         "550 5.0.0 4.7.1",
		"reply+250@x":                               "",
		"reply+abc@x":                               "",
		"reply@x":                                   "",
		"reply+@x":                                  "",
		"alice+reply+550@x":                         "",
		"":                                          "",
	} {
		if got, ok := AddressReply(address); got != want || ok != (want != "") {
			t.Errorf("%q: %q, %v; want %q", address, got, ok, want)
		}
	}
}

func TestAddressLogin(t *testing.T) {
	t.Parallel()
	for user, want := range map[string]bool{
		"login+wrong-password@example.test": true, "login+temporary-failure": true,
		"login+nothing": false, "alice": false, "wrong-password@x": false,
	} {
		r := AddressLogin(user)
		if (r != nil) != want || (r != nil && r.Injected != ByAddress) {
			t.Errorf("%q: %+v", user, r)
		}
	}
}
