package main

import (
	"os/exec"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// completions are the paths of the scripts, from the root.
type completions struct{ bash, zsh, fish string }

// bashAsks calls the function that bash calls when a person presses the tabulator.
const bashAsks = `. /usr/share/bash-completion/bash_completion && . "$1" && complete -p mailrig >/dev/null &&
COMP_LINE='mailrig use cert-exp' COMP_POINT=${#COMP_LINE} COMP_WORDS=(mailrig use cert-exp) COMP_CWORD=2 COMP_TYPE=9 COMP_KEY=9 &&
__start_mailrig && printf '%s\n' "${COMPREPLY[@]}"`

// completes asks shells of this machine, with the root's scripts and the root's program, how "mailrig use cert-exp" goes on. The
// completion of zsh needs a terminal: of its script, only the syntax is tried.
func (r *emptyRoot) completes(program string, scripts completions) {
	r.t.Helper()
	r.asks(program, "cert-expired", "bash", "--norc", "--noprofile", "-c", bashAsks, "-", filepath.Join(r.dir, scripts.bash))
	r.asks(program, "cert-expired", "fish", "--no-config", "-c", `source $argv[1]; complete -C 'mailrig use cert-exp'`, filepath.Join(r.dir, scripts.fish))
	r.asks(program, "#compdef mailrig", "zsh", "-f", "-c", `zsh -n "$1" && head -n 1 "$1"`, "-", filepath.Join(r.dir, scripts.zsh))
}

// asks runs a shell, for which mailrig is the root's, and checks how its answer begins.
func (r *emptyRoot) asks(program, want, shell string, args ...string) {
	r.t.Helper()
	need(r.t, shell)
	cmd := exec.Command(shell, args...)
	cmd.Env = []string{"PATH=" + filepath.Join(r.dir, path.Dir(program)) + ":/usr/bin:/bin", "HOME=" + r.t.TempDir(), "TERM=dumb"}
	if said := output(r.t, cmd); !strings.HasPrefix(said, want) {
		r.t.Errorf("%s completes to %q", shell, said)
	}
}

// TestCompletionsDiffer guards the test above: a shell without a script doesn't complete.
func TestCompletionsDiffer(t *testing.T) {
	t.Parallel()
	need(t, "fish")
	cmd := exec.Command("fish", "--no-config", "-c", `complete -C 'mailrig use cert-exp'`)
	cmd.Dir = t.TempDir()
	if said := output(t, cmd); said != "" {
		t.Errorf("fish completes by itself to %q", said)
	}
}
