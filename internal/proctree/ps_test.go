package proctree

import (
	"testing"
)

func TestParsePS(t *testing.T) {
	t.Parallel()
	const out = "    1     0     1 Ss   /sbin/launchd\n   20     1    20 S+   my prog\n   21    20    20 Z    (gone)\n   22    20    22 R    child\n   23    22    23 S    grand child\nnonsense\n   24     1    24 S    other\n"
	all := parsePS(out)
	if len(all) != 6 || all[1].Name != "my prog" || !all[2].zombie {
		t.Fatalf("%+v", all)
	}
	if got := List(treeOf(all, func(p *listed) bool { return p.PID == 20 })); got != "my prog (20), child (22), grand child (23)" {
		t.Error(got)
	}
}
