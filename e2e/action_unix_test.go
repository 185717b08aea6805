//go:build unix

package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"go.yaml.in/yaml/v3"
)

// action is what action.yml says.
type action struct {
	Name, Description, Author string
	Branding                  struct{ Icon, Color string }
	Inputs                    map[string]struct{ Description, Default string }
	Outputs                   map[string]struct{ Description, Value string }
	Runs                      struct {
		Using string
		Steps []struct {
			ID, Shell, Run string
			Env            map[string]string
		}
	}
}

// readAction reads action.yml. A field that GitHub doesn't know is an error.
func readAction(t *testing.T) action {
	t.Helper()
	text, err := os.ReadFile("../action.yml")
	if err != nil {
		t.Fatal(err)
	}
	var a action
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(&a); err != nil {
		t.Fatal(err)
	}
	return a
}

// job is a job on GitHub: what its steps leave to those that follow.
type job struct {
	t         *testing.T
	action    action
	workspace string
	temp      string
	env       []string
	path      string
	summary   string // of the last step
	outputs   map[string]string
	log       string
}

func newJob(t *testing.T) *job {
	t.Helper()
	need(t, "bash", "jq", "curl")
	j := &job{t: t, action: readAction(t), workspace: t.TempDir(), temp: t.TempDir()}
	j.env = append(cleanEnv(t.TempDir()), "RUNNER_TEMP="+j.temp, "GITHUB_ACTIONS=true")
	j.path = filepath.Dir(binary) + ":" + os.Getenv("PATH")
	t.Cleanup(j.end)
	return j
}

// end ends what the job has left running, as GitHub does.
func (j *job) end() {
	text, err := os.ReadFile(filepath.Join(j.temp, "mailrig", "pid"))
	if err != nil {
		return
	}
	if pid, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

var expression = regexp.MustCompile(`\$\{\{ ([a-z._-]+) \}\}`)

// uses runs a step that uses the action, and returns its status.
func (j *job) uses(with map[string]string) int {
	j.t.Helper()
	for name := range with {
		if _, ok := j.action.Inputs[name]; !ok {
			j.t.Fatalf("the action has no input %s", name)
		}
	}
	step := j.action.Runs.Steps[0]
	root, err := filepath.Abs("..")
	if err != nil {
		j.t.Fatal(err)
	}
	var env []string
	for name, value := range step.Env {
		env = append(env, name+"="+expression.ReplaceAllStringFunc(value, func(s string) string {
			what := expression.FindStringSubmatch(s)[1]
			if what == "github.action_path" {
				return root
			}
			input := strings.TrimPrefix(what, "inputs.")
			if value, given := with[input]; given {
				return value
			}
			return j.action.Inputs[input].Default
		}))
	}
	return j.step(step.Run, env...)
}

// step runs a step as GitHub does on Linux, and returns its status.
func (j *job) step(script string, env ...string) int {
	j.t.Helper()
	dir := j.t.TempDir()
	files := map[string]string{}
	for _, name := range []string{"GITHUB_ENV", "GITHUB_OUTPUT", "GITHUB_PATH", "GITHUB_STEP_SUMMARY"} {
		files[name] = write(j.t, dir, name, nil)
		env = append(env, name+"="+files[name])
	}
	cmd := exec.CommandContext(j.t.Context(), "bash", "--noprofile", "--norc", "-eo", "pipefail", write(j.t, dir, "step.sh", []byte(script)))
	cmd.Dir = j.workspace
	cmd.Env = append(append(slices.Clone(j.env), "PATH="+j.path), env...)
	cmd.WaitDelay = patience
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		j.t.Fatalf("%v\n%s", err, out)
	}
	j.log = string(out)
	j.summary = j.read(files["GITHUB_STEP_SUMMARY"])
	j.outputs = map[string]string{}
	for line := range strings.Lines(j.read(files["GITHUB_OUTPUT"])) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		j.outputs[name] = value
	}
	for line := range strings.Lines(j.read(files["GITHUB_ENV"])) {
		j.env = append(j.env, strings.TrimSuffix(line, "\n"))
	}
	for line := range strings.Lines(j.read(files["GITHUB_PATH"])) {
		j.path = strings.TrimSuffix(line, "\n") + ":" + j.path
	}
	return cmd.ProcessState.ExitCode()
}

func (j *job) read(file string) string {
	j.t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		j.t.Fatal(err)
	}
	return string(text)
}

// want checks the status of the last step, and what its log has.
func (j *job) want(status, got int, parts ...string) {
	j.t.Helper()
	if got != status {
		j.t.Fatalf("the step ended with status %d, want %d\n%s", got, status, clip(j.log))
	}
	for _, p := range parts {
		if !strings.Contains(j.log, p) {
			j.t.Fatalf("the step didn't print %q\n%s", p, clip(j.log))
		}
	}
}

// TestActionRig starts a rig with the action, uses it in a step, and stops it.
func TestActionRig(t *testing.T) {
	t.Parallel()
	j := newJob(t)
	j.want(0, j.uses(map[string]string{"scenario": "pop3-uidl-reset", "user": "alice:s3cret\nbob:secret", "auth": "plain", "args": "  --domain=example.org\n--keep-sessions=20\n"}), "MAILRIG_PORT_993=")
	if strings.Contains(j.log, "s3cret") {
		t.Errorf("the log has the password\n%s", j.log)
	}
	if j.outputs["http"] == "" || j.outputs["ca-file"] == "" {
		t.Errorf("the outputs are %q", j.outputs)
	}
	// The variables lead to the rig, and programs trust it, as with "mailrig run".
	j.want(0, j.step(`
		test "$MAILRIG_SCENARIO" = pop3-uidl-reset
		curl -sS "imap://$MAILRIG_HOST:$MAILRIG_PORT_143/INBOX" --user "$MAILRIG_USER:$MAILRIG_PASSWORD"
		curl -sS "imaps://$MAILRIG_HOST:$MAILRIG_PORT_993/INBOX" --user alice@example.org:s3cret
		openssl s_client -brief -verify_return_error -connect "$MAILRIG_HOST:$MAILRIG_PORT_465" </dev/null
		test -s "$NODE_EXTRA_CA_CERTS"`))
	j.want(1, j.uses(map[string]string{}), "::error title=mailrig::a rig is running already in this job")
	j.want(1, j.uses(map[string]string{"mode": "stop", "fail-on": "error"}),
		"::error title=The password crossed the network unencrypted.::The client logged in on port 143 without TLS.", "(password-sent-in-clear of session #1)")
	if j.outputs["errors"] != "1" {
		t.Errorf("the outputs are %q", j.outputs)
	}
	if !strings.Contains(j.summary, "| error | **The password crossed the network unencrypted.**") {
		t.Errorf("the summary is\n%s", j.summary)
	}
	// What the variables name is there after the end as well: later steps must be able to connect to others.
	j.want(0, j.step(`test -s "$SSL_CERT_FILE" && test -s "$CURL_CA_BUNDLE" && test -s "$MAILRIG_CA_FILE" && ! curl -s "$MAILRIG_HTTP"`))
	j.want(1, j.uses(map[string]string{"mode": "stop"}), "::error title=mailrig::no rig is running")
	// Another one, which nobody uses.
	j.want(0, j.uses(map[string]string{"trust": "false"}))
	j.want(0, j.uses(map[string]string{"mode": "stop", "fail-on": "warning"}))
	if !strings.Contains(j.summary, "Nothing is wrong.") {
		t.Errorf("the summary is\n%s", j.summary)
	}
}

// TestActionTrial runs a trial in two shards, merges them, and goes on with one.
func TestActionTrial(t *testing.T) {
	t.Parallel()
	j := newJob(t)
	client := write(t, j.workspace, "client.sh", []byte(`curl -sS --max-time 10 --ssl-reqd "imap://$MAILRIG_HOST:$MAILRIG_PORT_143/INBOX" --user "$MAILRIG_USER:$MAILRIG_PASSWORD" $1`))
	trial := map[string]string{"mode": "trial", "run": "bash " + client + " -k", "scenario": "auth-wrong-password cert-expired,cert-self-signed\nimap-uidnext-missing"}
	for _, shard := range []string{"1", "2"} {
		trial["shard"], trial["report"] = shard+"/2", "shard-"+shard+".json"
		j.want(0, j.uses(trial))
		if j.outputs["status"] == "1" && !strings.Contains(j.log, "::notice title=mailrig::something failed in shard "+shard+"/2") {
			t.Errorf("a shard failed without a word\n%s", j.log)
		}
		if !strings.Contains(j.summary, ", shard "+shard+" of 2") {
			t.Errorf("the summary is\n%s", j.summary)
		}
	}
	j.want(1, j.uses(map[string]string{"mode": "merge", "reports": "shard-*.json", "report": "trial.html\ntrial.xml"}), "::error title=cert-expired%3A ", "::error title=cert-self-signed%3A ")
	if !strings.Contains(j.summary, "## mailrig trial: 1 passed, 2 failed, 1 not exercised, 0 could not run") || !strings.Contains(j.summary, "| `cert-expired` | ") {
		t.Errorf("the summary is\n%s", j.summary)
	}
	if j.outputs["status"] != "1" || !strings.Contains(j.read(j.outputs["json"]), `"cert-expired"`) || !strings.Contains(j.read(filepath.Join(j.workspace, "trial.html")), "<html") {
		t.Errorf("the outputs are %q", j.outputs)
	}
	// A trial that has ended isn't run again, and tells the same.
	delete(trial, "shard")
	trial["resume"], trial["report"] = "kept.json", ""
	j.want(1, j.uses(trial), "::error title=cert-expired%3A ")
	first := j.summary
	trial["run"] = "bash " + client + " -k"
	j.want(1, j.uses(trial), "::error title=cert-expired%3A ")
	if j.summary != first {
		t.Errorf("the summary was\n%s\nand is\n%s", first, j.summary)
	}
	// What is known to fail isn't told again.
	delete(trial, "resume")
	trial["baseline"] = "kept.json"
	j.want(0, j.uses(trial))
	if strings.Contains(j.log, "::error") || !strings.Contains(j.summary, "`cert-expired` (known)") {
		t.Errorf("the summary is\n%s\nand the log\n%s", j.summary, j.log)
	}
	// A client that doesn't work at all.
	j.want(3, j.uses(map[string]string{"mode": "trial", "run": "exit 7", "scenario": "cert-expired"}), "::error title=The control run failed::")
}

// TestActionMistakes gives the action wrong inputs. Each one is told, with what to give instead.
func TestActionMistakes(t *testing.T) {
	t.Parallel()
	for _, wrong := range []struct {
		with map[string]string
		says string
	}{
		{map[string]string{"mode": "restart"}, "::error title=mailrig::mode is 'restart'; give start, stop, trial or merge"},
		{map[string]string{"mode": "stop"}, "::error title=mailrig::no rig is running in this job"},
		{map[string]string{"mode": "stop", "fail-on": "info"}, "::error title=mailrig::fail-on is 'info'; give error, warning or never"},
		{map[string]string{"trust": "yes"}, "::error title=mailrig::trust is 'yes'; give true or false"},
		{map[string]string{"binary": "nowhere"}, "::error title=mailrig::binary is 'nowhere', which isn't a file"},
		{map[string]string{"binary": "plain"}, "::error title=mailrig::binary is 'plain', which can't be run"},
		{map[string]string{"scenario": "graylisting"}, "did you mean greylisting"},
		{map[string]string{"args": "--nothing\n"}, "there is no flag --nothing"},
		{map[string]string{"args": "; touch broken\n$(touch broken)", "scenario": "$(touch broken)"}, "::error title=mailrig::mailrig didn't start"},
		{map[string]string{"port-offset": "many"}, "--port-offset"},
		{map[string]string{"mode": "trial"}, "::error title=mailrig::mode: trial needs run"},
		{map[string]string{"mode": "trial", "run": "true", "shard": "9/3"}, "::error title=mailrig::mailrig wrote no report and ended with status 2: mailrig: --shard"},
		{map[string]string{"mode": "trial", "run": "true", "baseline": "nowhere.json"}, "nowhere.json"},
		{map[string]string{"mode": "merge"}, "::error title=mailrig::mode: merge needs reports"},
		{map[string]string{"mode": "merge", "reports": "shard-*.json"}, "::error title=mailrig::reports: no file fits 'shard-*.json'"},
		{map[string]string{"mode": "merge", "reports": "plain"}, "::error title=mailrig::mailrig wrote no report and ended with status 2"},
		{map[string]string{"mode": "merge", "reports": "nowhere", "shard": "1/2"}, "::warning title=mailrig::shard has no effect with mode: merge"},
	} {
		t.Run(wrong.says, func(t *testing.T) {
			t.Parallel()
			j := newJob(t)
			write(t, j.workspace, "plain", []byte("no program\n"))
			if status := j.uses(wrong.with); status == 0 || !strings.Contains(j.log, wrong.says) || !strings.Contains(j.log, "::error") {
				t.Errorf("status %d\n%s", status, j.log)
			}
			if _, err := os.Stat(filepath.Join(j.workspace, "broken")); err == nil {
				t.Error("an input was run as a command")
			}
		})
	}
}

// TestActionFinds checks where the action takes mailrig from.
func TestActionFinds(t *testing.T) {
	t.Parallel()
	j := newJob(t)
	with := j.path
	bare := t.TempDir() // a PATH without mailrig and Go
	for _, program := range []string{"bash", "jq", "cat", "mkdir", "tr", "sed", "grep", "cp", "mv", "rm", "sleep", "nohup", "dirname", "basename", "tail"} {
		path, err := exec.LookPath(program)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(path, filepath.Join(bare, program)); err != nil {
			t.Fatal(err)
		}
	}
	j.path = bare
	j.want(1, j.uses(nil), "::error title=mailrig::there is no mailrig in PATH, and no Go to build it")
	j.want(0, j.uses(map[string]string{"binary": binary}))
	if !strings.HasPrefix(j.path, filepath.Dir(binary)+":") {
		t.Errorf("the steps that follow don't find mailrig: PATH is %s", j.path)
	}
	j.want(0, j.uses(map[string]string{"mode": "stop"}))
	if err := os.Remove(filepath.Join(bare, "jq")); err != nil {
		t.Fatal(err)
	}
	j.want(1, j.uses(nil), "::error title=mailrig::jq isn't installed")

	t.Run("from source", func(t *testing.T) {
		long(t) // building takes a minute on a slow machine
		j := newJob(t)
		j.path = strings.TrimPrefix(with, filepath.Dir(binary)+":")
		j.env = append(j.env, goEnv(t)...)
		j.want(0, j.uses(nil), "building mailrig from the action's source")
		j.want(0, j.step("mailrig wait --ready"))
		j.want(0, j.uses(map[string]string{"mode": "stop"}))
	})
}

// TestActionEscapes checks that no text of a session or a client can end an annotation, begin another or become markup.
func TestActionEscapes(t *testing.T) {
	t.Parallel()
	need(t, "jq")
	findings := `{"id":"x","severity":"error","title":"a: b, 100%","explanation":"one\r\n::error::two | <img src=x> **[y](z)** ` + "`c`" + `","advice":"do","sessions":["2"]}
{"id":"x","severity":"error","title":"a: b, 100%","explanation":"again","advice":"do","sessions":["10"]}
{"id":"y","severity":"good","title":"fine","explanation":"fine","sessions":["1"]}`
	run := func(program, input string, args ...string) string {
		cmd := exec.Command("jq", append([]string{"-r", "-L", "../action", "-f", "../action/" + program}, args...)...)
		cmd.Stdin = strings.NewReader(input)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		return string(out)
	}
	want := "::error title=a%3A b%2C 100%25::one%0D%0A::error::two | <img src=x> **[y](z)** `c` do (x of session #10, #2)\n"
	if got := run("findings-annotations.jq", findings, "-s"); got != want {
		t.Errorf("the annotation is\n%q, want\n%q", got, want)
	}
	want = "| error | **a: b, 100%** one ::error::two \\| &lt;img src=x&gt; \\*\\*\\[y\\](z)\\*\\* \\`c\\` | do | \\#10 \\#2 |"
	if got := run("findings-summary.jq", findings, "-s"); !strings.Contains(got, strings.ReplaceAll(want, `\#10 \#2`, "#10 #2")) || strings.Contains(got, "fine") {
		t.Errorf("the summary is\n%s", got)
	}
	trial := `{"command":["sh","-c","a|b\n` + "```" + `"],"mailrig":"devel","took":1500000000,"counts":{"pass":0,"fail":1,"not_exercised":0,"could_not_run":0},"control":{},
"results":[{"scenario":"s","title":"t|u","group":"","verdict":"fail","known":false,"reasons":[{"text":"the client said \"<b>|\n\""}]}]}`
	if got := run("trial-summary.jq", trial); !strings.Contains(got, "`sh -c a\\|b `") || !strings.Contains(got, "| `s` | t\\|u | the client said \"&lt;b&gt;\\| \" |") {
		t.Errorf("the summary is\n%s", got)
	}
	if got := run("trial-annotations.jq", trial); got != "::error title=s%3A t|u::the client said \"<b>|%0A\"\n" {
		t.Errorf("the annotation is %q", got)
	}
}

// TestActionSchema holds action.yml against GitHub's published schema.
func TestActionSchema(t *testing.T) {
	t.Parallel()
	needNode(t, "@action-validator/cli", "@action-validator/core")
	path, err := filepath.Abs("../action.yml")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// GitHub requires a description.
	wrong := filepath.Join(t.TempDir(), "action.yml")
	if err := os.WriteFile(wrong, bytes.Replace(text, []byte("\ndescription:"), []byte("\ndescripton:"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	validate := func(file string) error {
		cmd := exec.Command(filepath.Join("node_modules", ".bin", "action-validator"), file)
		cmd.Dir = "node"
		out, err := cmd.CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w\n%s", err, out)
		}
		return nil
	}
	if err := validate(path); err != nil {
		t.Error(err)
	}
	if err := validate(wrong); err == nil || !strings.Contains(err.Error(), "descripton") {
		t.Errorf("an action without a description is taken: %v", err)
	}
}

// TestActionInputs checks that action.yml and the scripts speak of the same inputs and outputs.
func TestActionInputs(t *testing.T) {
	t.Parallel()
	a := readAction(t)
	files, err := filepath.Glob("../action/*.sh")
	if err != nil {
		t.Fatal(err)
	}
	scripts := ""
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		scripts += string(text)
	}
	if a.Runs.Using != "composite" || len(a.Runs.Steps) != 1 || a.Runs.Steps[0].Shell != "bash" || a.Name == "" || a.Branding.Icon == "" {
		t.Errorf("the action is %+v", a)
	}
	step := a.Runs.Steps[0]
	for name, input := range a.Inputs {
		variable := "IN_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
		if step.Env[variable] != "${{ inputs."+name+" }}" {
			t.Errorf("the input %s isn't the variable %s", name, variable)
		}
		if !strings.Contains(scripts, "$"+variable) {
			t.Errorf("no script uses %s", variable)
		}
		if input.Description == "" {
			t.Errorf("the input %s has no description", name)
		}
	}
	for variable := range step.Env {
		if name := strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(variable, "IN_"), "_", "-")); name != "here" && a.Inputs[name].Description == "" {
			t.Errorf("%s is no input", variable)
		}
	}
	for _, m := range regexp.MustCompile(`\$\{?(IN_[A-Z_]+)`).FindAllStringSubmatch(scripts, -1) {
		if step.Env[m[1]] == "" {
			t.Errorf("a script uses %s, which action.yml doesn't set", m[1])
		}
	}
	for name, output := range a.Outputs {
		if output.Value != "${{ steps."+step.ID+".outputs."+name+" }}" || !strings.Contains(scripts, "output "+name+" ") {
			t.Errorf("no script sets the output %s", name)
		}
	}
	for _, m := range regexp.MustCompile(`(?m)^\s*output ([a-z-]+) `).FindAllStringSubmatch(scripts, -1) {
		if a.Outputs[m[1]].Value == "" {
			t.Errorf("action.yml hasn't the output %s", m[1])
		}
	}
	if strings.Contains(step.Run, "${{") {
		t.Error("the script contains an expression, so an input could be a command")
	}
}
