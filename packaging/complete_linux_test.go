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

// completes asks each shell of this machine, with the root's script and the root's program, how "mailrig use cert-exp" goes on.
func (r *emptyRoot) completes(program string, scripts completions) {
	r.t.Helper()
	for shell, ask := range map[string]struct{ script, code string }{
		"bash": {scripts.bash, `. /usr/share/bash-completion/bash_completion && . "$1" && complete -p mailrig >/dev/null &&
COMP_LINE='mailrig use cert-exp' COMP_POINT=${#COMP_LINE} COMP_WORDS=(mailrig use cert-exp) COMP_CWORD=2 COMP_TYPE=9 COMP_KEY=9 &&
__start_mailrig && printf '%s\n' "${COMPREPLY[@]}"`},
		"fish": {scripts.fish, `source $argv[1]; complete -C 'mailrig use cert-exp'`},
		"zsh":  {scripts.zsh, `zsh -n "$1" && head -1 "$1"`},
	} {
		need(r.t, shell)
		args := []string{"-c", ask.code, "-", filepath.Join(r.dir, ask.script)}
		want := "cert-expired"
		switch shell {
		case "bash":
			args = append([]string{"--norc", "--noprofile"}, args...)
		case "fish":
			args = []string{"--no-config", "-c", ask.code, filepath.Join(r.dir, ask.script)}
		case "zsh": // its completion needs a terminal: only its syntax is tried
			args, want = append([]string{"-f"}, args...), "#compdef mailrig"
		}
		cmd := exec.Command(shell, args...)
		cmd.Env = []string{"PATH=" + filepath.Join(r.dir, path.Dir(program)) + ":/usr/bin:/bin", "HOME=" + r.t.TempDir(), "TERM=dumb"}
		if said := output(r.t, cmd); !strings.HasPrefix(said, want) {
			r.t.Errorf("%s completes to %q", shell, said)
		}
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
