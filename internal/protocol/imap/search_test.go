package imap

import "testing"

// TestSmaller checks that no SMALLER is left for the engine to forget, and that only search keys are changed.
func TestSmaller(t *testing.T) {
	t.Parallel()
	for keys, want := range map[string]string{
		"ALL":                             "ALL",
		"SMALLER 100":                     "NOT LARGER 99",
		"smaller 100 since 1-Jan-2020":    "NOT LARGER 99 since 1-Jan-2020",
		"NOT SMALLER 5 LARGER 1":          "NOT NOT LARGER 4 LARGER 1",
		"OR (SMALLER 1 SEEN) SMALLER 0":   "OR (NOT LARGER 0 SEEN) NOT ALL",
		"RETURN (COUNT) SMALLER 9":        "RETURN (COUNT) NOT LARGER 8",
		"RETURN () SMALLER 3 LARGER 1":    "RETURN () NOT LARGER 2 LARGER 1",
		"return (ALL) SMALLER 3 LARGER 1": "return (ALL) NOT LARGER 2 LARGER 1",
		"RETURN (MIN MAX) SMALLER 3":      "RETURN (MIN MAX) NOT LARGER 2",
		"RETURN (PARTIAL 1:2) SMALLER 3":  "RETURN (PARTIAL 1:2) NOT LARGER 2",
		"RETURN (SMALLER 3) SMALLER 3":    "RETURN (SMALLER 3) NOT LARGER 2",
		"RETURN":                          "RETURN",
		"RETURN (MIN SMALLER 3":           "RETURN (MIN NOT LARGER 2",
		"TEXT RETURN (SMALLER 3)":         "TEXT RETURN (NOT LARGER 2)",
		"CHARSET SMALLER SMALLER 9":       "CHARSET SMALLER NOT LARGER 8",
		"SUBJECT SMALLER 5":               "SUBJECT SMALLER 5",
		"SUBJECT \"SMALLER 5\" SMALLER 5": "SUBJECT \"SMALLER 5\" NOT LARGER 4",
		`TEXT "a\" SMALLER 5" SMALLER 5`:  `TEXT "a\" SMALLER 5" NOT LARGER 4`,
		"HEADER SMALLER 5 SMALLER 5":      "HEADER SMALLER 5 NOT LARGER 4",
		"SMALLER":                         "SMALLER",
		"SMALLER x":                       "SMALLER x",
		"SMALLER -1":                      "SMALLER -1",
		"SMALLER {1+}":                    "SMALLER {1+}",
	} {
		if got, _ := withoutSmaller([]byte(keys), 0); string(got) != want {
			t.Errorf("%s: %s, want %s", keys, got, want)
		}
	}
	for keys, want := range map[string]int{"HEADER {1+}": 1, "HEADER a {1+}": 0, "TEXT {1}": 0, "SEEN": 0} {
		got, left := withoutSmaller([]byte(keys), 0)
		if left != want || string(got) != keys {
			t.Errorf("%s leaves %d arguments, want %d", keys, left, want)
		}
	}
	if got, _ := withoutSmaller([]byte(" SMALLER SMALLER 5"), 1); string(got) != " SMALLER NOT LARGER 4" {
		t.Errorf("behind a literal: %s", got)
	}
}

// FuzzSmaller checks that what the engine gets has nothing left to rewrite, and leaves as many arguments to come.
func FuzzSmaller(f *testing.F) {
	for _, keys := range []string{"OR (SMALLER 1 SEEN) SMALLER 0", `TEXT "a\" SMALLER 5" SMALLER 5`, "HEADER a {1+}", "RETURN (MIN) SMALLER 99999999999999999999"} {
		f.Add(keys, 0)
	}
	f.Fuzz(func(t *testing.T, keys string, owed int) {
		if owed < 0 || owed > 2 {
			return
		}
		once, left := withoutSmaller([]byte(keys), owed)
		twice, again := withoutSmaller(once, owed)
		if string(once) != string(twice) || left != again {
			t.Errorf("%q (%d): %q (%d), then %q (%d)", keys, owed, once, left, twice, again)
		}
	})
}
