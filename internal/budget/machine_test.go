package budget

import (
	"testing"
	"testing/fstest"
)

func TestCgroup(t *testing.T) {
	t.Parallel()
	const (
		v2 = "25 1 0:22 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
		v1 = "34 30 0:31 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n36 30 0:32 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
	)
	for name, test := range map[string]struct {
		files map[string]string
		want  int64
	}{
		"none":              {nil, 0},
		"v2":                {map[string]string{"proc/self/cgroup": "0::/a/b\n", "proc/self/mountinfo": v2, "sys/fs/cgroup/a/b/memory.max": "536870912\n"}, 536870912},
		"v2, limit above":   {map[string]string{"proc/self/cgroup": "0::/a/b\n", "proc/self/mountinfo": v2, "sys/fs/cgroup/a/b/memory.max": "max\n", "sys/fs/cgroup/a/memory.max": "1000\n"}, 1000},
		"v2, the smallest":  {map[string]string{"proc/self/cgroup": "0::/a/b\n", "proc/self/mountinfo": v2, "sys/fs/cgroup/a/b/memory.max": "2000\n", "sys/fs/cgroup/a/memory.max": "1000\n"}, 1000},
		"v2 in a container": {map[string]string{"proc/self/cgroup": "0::/\n", "proc/self/mountinfo": v2, "sys/fs/cgroup/memory.max": "3000\n"}, 3000},
		"v2, no limit":      {map[string]string{"proc/self/cgroup": "0::/\n", "proc/self/mountinfo": v2, "sys/fs/cgroup/memory.max": "max\n"}, 0},
		"v1":                {map[string]string{"proc/self/cgroup": "5:cpu:/x\n4:memory:/a\n0::/\n", "proc/self/mountinfo": v1, "sys/fs/cgroup/memory/a/memory.limit_in_bytes": "4000\n"}, 4000},
		"v1 in a container": {map[string]string{"proc/self/cgroup": "4:memory:/docker/0123\n", "proc/self/mountinfo": v1, "sys/fs/cgroup/memory/memory.limit_in_bytes": "5000\n"}, 5000},
		"v1, no limit":      {map[string]string{"proc/self/cgroup": "4:memory:/\n", "proc/self/mountinfo": v1, "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"}, 0},
		"not mounted":       {map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "1\n"}, 0},
	} {
		files := fstest.MapFS{}
		for file, text := range test.files {
			files[file] = &fstest.MapFile{Data: []byte(text)}
		}
		if got := cgroup(files); got != test.want {
			t.Errorf("%s: %d, want %d", name, got, test.want)
		}
	}
	if got := meminfo(fstest.MapFS{"proc/meminfo": {Data: []byte("MemTotal:       24682896 kB\nMemFree: 1 kB\n")}}); got != 24682896<<10 {
		t.Errorf("the machine has %d bytes", got)
	}
}

func TestDefault(t *testing.T) {
	t.Parallel()
	for memory, want := range map[int64]int64{0: 512 << 20, 64 << 20: Least, 1 << 30: 512 << 20, 1<<30 + 12345: 512 << 20, 64 << 30: 2 << 30} {
		if got := half(memory); got != want {
			t.Errorf("of %d bytes: %d, want %d", memory, got, want)
		}
	}
	if got := Default(); got < Least || got > Most {
		t.Errorf("the default here is %d bytes", got)
	}
}
