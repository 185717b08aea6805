//go:build unix

package e2e

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// ours is how a recipe calls the action.
const ours = "mailrig/mailrig@main"

// workflow is what a recipe for GitHub has that these tests read.
type workflow struct {
	Jobs map[string]struct {
		Strategy struct {
			Matrix struct{ Shard []string }
		}
		Steps []struct {
			Uses, Run, If string
			With          map[string]string
		}
	}
}

func readRecipe(t *testing.T, file string, into any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "recipes", file))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, into); err != nil {
		t.Fatal(err)
	}
}

// client writes a program that checks no certificate, so that a trial has something to tell, and the tests of an app.
func (j *job) client() {
	j.t.Helper()
	for name, script := range map[string]string{
		"client.sh": `#!/bin/sh
curl -sS -k --max-time 10 --ssl-reqd "imap://$MAILRIG_HOST:$MAILRIG_PORT_143/INBOX" --user "$MAILRIG_USER:$MAILRIG_PASSWORD"
`,
		"test.sh": `#!/bin/sh
curl -sS "imaps://$MAILRIG_HOST:$MAILRIG_PORT_993/INBOX" --user "$MAILRIG_USER:$MAILRIG_PASSWORD"
`,
	} {
		if err := os.Chmod(write(j.t, j.workspace, name, []byte(script)), 0o700); err != nil {
			j.t.Fatal(err)
		}
	}
}

// few is a part of the catalogue, for a trial that doesn't last long.
const few = "MAILRIG_SCENARIO=auth-wrong-password,cert-expired,cert-self-signed,imap-uidnext-missing,starttls-stripped"

// TestRecipeGitHubTests runs the steps of a recipe that aren't GitHub's own.
func TestRecipeGitHubTests(t *testing.T) {
	t.Parallel()
	var recipe workflow
	readRecipe(t, "github-tests.yml", &recipe)
	j := newJob(t)
	j.client()
	calls := 0
	for _, step := range recipe.Jobs["test"].Steps {
		switch {
		case step.Uses == ours:
			calls++
			j.want(0, j.uses(step.With))
		case step.Run != "":
			j.want(0, j.step(step.Run), "LIST")
		}
	}
	if calls != 2 || !strings.Contains(j.summary, "Nothing is wrong.") {
		t.Errorf("%d calls of the action; the summary is\n%s", calls, j.summary)
	}
}

// TestRecipeGitHubTrial runs a matrix one machine after the other, with a copy for each artifact, and the job that merges.
func TestRecipeGitHubTrial(t *testing.T) {
	t.Parallel()
	var recipe workflow
	readRecipe(t, "github-trial.yml", &recipe)
	merged := newJob(t)
	shards := recipe.Jobs["try"].Strategy.Matrix.Shard
	for i, shard := range shards {
		j := newJob(t)
		j.client()
		j.env = append(j.env, few)
		for _, step := range recipe.Jobs["try"].Steps {
			if step.Uses == ours {
				with := map[string]string{}
				for name, value := range step.With {
					with[name] = strings.ReplaceAll(value, "${{ matrix.shard }}", shard)
				}
				j.want(0, j.uses(with))
			}
			if strings.HasPrefix(step.Uses, "actions/upload-artifact@") {
				name := strings.ReplaceAll(step.With["name"], "${{ strategy.job-index }}", fmt.Sprint(i))
				write(t, filepath.Join(merged.workspace, "shards", name), step.With["path"], []byte(j.read(filepath.Join(j.workspace, step.With["path"]))))
			}
		}
	}
	for _, step := range recipe.Jobs["report"].Steps {
		if step.Uses == ours {
			merged.want(1, merged.uses(step.With), "::error title=cert-expired%3A ")
		}
		if strings.HasPrefix(step.Uses, "actions/upload-artifact@") {
			merged.read(filepath.Join(merged.workspace, step.With["path"]))
		}
	}
	if len(shards) != 4 || !strings.Contains(merged.summary, "5 scenarios") && !strings.Contains(merged.summary, "2 failed") {
		t.Errorf("%d shards; the summary is\n%s", len(shards), merged.summary)
	}
}

// TestRecipeGitLab runs the scripts of the jobs as GitLab's runner does: one shell for each job, which ends at the first line that
// fails. It leaves out before_script, which installs mailrig.
func TestRecipeGitLab(t *testing.T) {
	t.Parallel()
	type gitlabJob struct {
		Extends, Stage string
		Script         []string
		Parallel       int
		AllowFailure   struct {
			ExitCodes int `yaml:"exit_codes"`
		} `yaml:"allow_failure"`
		Artifacts struct {
			Paths   []string
			Reports struct{ Junit string }
		}
	}
	var recipe struct {
		Stages []string
		Tests  gitlabJob
		Trial  gitlabJob
		Report gitlabJob
	}
	readRecipe(t, "gitlab-ci.yml", &recipe)
	j := newJob(t) // all in one workspace, as if each had the others' artifacts
	j.client()
	run := func(g gitlabJob, env ...string) int {
		if g.Extends != ".mailrig" || (g.Stage != recipe.Stages[0] && g.Stage != recipe.Stages[1]) {
			t.Errorf("the job is %+v", g)
		}
		return j.step(strings.Join(g.Script, "\n"), env...)
	}
	j.want(0, run(recipe.Tests))
	failed := 0
	for i := range recipe.Trial.Parallel {
		status := run(recipe.Trial, few, fmt.Sprintf("CI_NODE_INDEX=%d", i+1), fmt.Sprintf("CI_NODE_TOTAL=%d", recipe.Trial.Parallel))
		if status == recipe.Trial.AllowFailure.ExitCodes {
			failed++
		} else {
			j.want(0, status)
		}
		for _, pattern := range recipe.Trial.Artifacts.Paths {
			if files, err := filepath.Glob(filepath.Join(j.workspace, pattern)); err != nil || len(files) != i+1 {
				t.Errorf("after %d shards the artifacts are %v, %v", i+1, files, err)
			}
		}
	}
	if failed == 0 {
		t.Error("no shard failed")
	}
	j.want(1, run(recipe.Report), "2 failed")
	for _, file := range append(recipe.Report.Artifacts.Paths, recipe.Report.Artifacts.Reports.Junit) {
		j.read(filepath.Join(j.workspace, file))
	}
}

// TestRecipeCompose runs the app of the compose file beside a rig. Without Docker, both are processes of this machine, and the
// ports aren't the standard ones.
func TestRecipeCompose(t *testing.T) {
	t.Parallel()
	need(t, "python3")
	var recipe struct {
		Services struct {
			App struct {
				Command     []string
				Environment map[string]string
				Volumes     []string
			}
			Mailrig struct{ Environment map[string]string }
		}
	}
	readRecipe(t, "compose.yml", &recipe)
	app := recipe.Services.App
	if app.Environment["MAIL_HOST"] != recipe.Services.Mailrig.Environment["MAILRIG_HOSTNAME"] || app.Environment["MAIL_PORT"] != "587" {
		t.Errorf("the app connects to %v", app.Environment)
	}
	from, to, _ := strings.Cut(strings.TrimSuffix(app.Volumes[0], ":ro"), ":")
	program, err := filepath.Abs(filepath.Join("..", "recipes", from, strings.TrimPrefix(app.Command[1], to)))
	if err != nil {
		t.Fatal(err)
	}
	r := start(t, "--hostname", app.Environment["MAIL_HOST"])
	_, port, err := net.SplitHostPort(r.door(587).Address)
	if err != nil {
		t.Fatal(err)
	}
	r.runIn(invocation{program: "python3", args: append([]string{program}, app.Command[2:]...), env: []string{"MAIL_HOST=localhost", "MAIL_PORT=" + port, "MAILRIG_HTTP=" + r.HTTP}}).
		want(0).says("the message came, with its code")
}
