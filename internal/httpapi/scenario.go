package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/mailrig/mailrig/internal/answer"
)

// catalogue lists the catalogue, or with ?match=smtp* a part of it.
func (a *api) catalogue(w http.ResponseWriter, r *http.Request) {
	found, err := a.Rig.Matching(r.URL.Query()["match"]...)
	if err != nil {
		a.fail(w, r, http.StatusBadRequest, err.Error())
		return
	}
	a.json(w, http.StatusOK, map[string]any{"scenarios": answer.List(found)})
}

// scenario shows what is active: for everybody and for each user, or for one user only.
func (a *api) scenario(w http.ResponseWriter, r *http.Request) {
	user, err := userOf(r)
	if err != nil {
		a.badBody(w, r, err)
		return
	}
	body := a.active(user)
	if user == "" {
		body["users"] = a.Rig.ActiveByUser()
	}
	a.json(w, http.StatusOK, body)
}

// active says what is active for everybody, or for one user only.
func (a *api) active(user string) map[string]any {
	body := map[string]any{}
	if user != "" {
		body["user"], body["scenarios"] = user, answer.List(a.Rig.ActiveFor(user))
	} else {
		body["scenarios"] = answer.List(a.Rig.Active())
	}
	if names, left := a.Rig.Next(user); left > 0 {
		body["next"] = map[string]any{"scenarios": names, "left": left}
	}
	if seed, used := a.Rig.RandomSeed(); used {
		body["random_seed"] = seed
	}
	return body
}

// userOf parses ?user=, the user whose scenarios are meant. "" means everybody's. A misspelt parameter must not mean
// everybody. besides are other parameters that there are.
func userOf(r *http.Request, besides ...string) (string, error) {
	query := r.URL.Query()
	for key := range query {
		if key != "user" && !slices.Contains(besides, key) {
			return "", fmt.Errorf("there is no parameter %q; the only one here is user, as in ?user=alice@example.test", key)
		}
	}
	users, given := query["user"]
	switch {
	case !given:
		return "", nil
	case len(users) > 1 || users[0] == "":
		return "", errors.New("the query must have one user, such as ?user=alice@example.test; leave out user for the scenarios of everybody")
	}
	return users[0], nil
}

// nextOf parses ?next=, for how many connections scenarios are wanted. 0 means for all.
func nextOf(r *http.Request) (int, error) {
	text, given := r.URL.Query()["next"]
	if !given {
		return 0, nil
	}
	n, err := strconv.Atoi(text[0])
	if err != nil || n < 1 || n > 1_000_000 || len(text) > 1 {
		return 0, errors.New("next is for how many connections the scenarios are: one number from 1 to 1000000, as in ?next=1")
	}
	return n, nil
}

func (a *api) useNone(w http.ResponseWriter, r *http.Request) { a.switchTo(w, r, wanted{}) }

func (a *api) use(w http.ResponseWriter, r *http.Request) {
	want, err := readWanted(r)
	if err != nil {
		a.badBody(w, r, err)
		return
	}
	a.switchTo(w, r, want, "next")
}

func (a *api) switchTo(w http.ResponseWriter, r *http.Request, want wanted, parameters ...string) {
	user, err := userOf(r, parameters...)
	next := 0
	if err == nil {
		next, err = nextOf(r)
	}
	if err != nil {
		a.badBody(w, r, err)
		return
	}
	var notes []string
	if next > 0 {
		notes, err = a.Rig.UseNext(next, user, want.names, want.inline)
	} else {
		notes, err = a.Rig.Use(user, want.names, want.inline)
	}
	var bad *BadScenario
	switch {
	case errors.As(err, &bad):
		a.fail(w, r, http.StatusBadRequest, bad.Error(), bad.Errors...)
	case err != nil:
		a.Logger.Error("switch scenarios", "err", err)
		a.fail(w, r, http.StatusInternalServerError, err.Error())
	default:
		body := a.active(user)
		body["notes"] = answer.List(notes)
		a.json(w, http.StatusOK, body)
	}
}

// wanted is what a PUT asks for.
type wanted struct {
	names  []string
	inline []Inline
}

// readWanted reads a PUT's body: one scenario as YAML, or JSON with names and scenarios. Without a Content-Type, or
// with the one that curl -d sets, it reads JSON.
func readWanted(r *http.Request) (wanted, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return wanted{}, fmt.Errorf("read the request's body: %w", err)
	}
	kind := r.Header.Get("Content-Type")
	if kind != "" {
		if kind, _, err = mime.ParseMediaType(kind); err != nil {
			return wanted{}, fmt.Errorf("the Content-Type is malformed: %w; use application/json or application/yaml", err)
		}
	}
	switch kind {
	case "application/yaml", "application/x-yaml", "text/yaml", "text/x-yaml":
		if len(bytes.TrimSpace(body)) == 0 {
			return wanted{}, errors.New("the body is empty: send a scenario's YAML, or use DELETE to switch off what is active for everybody")
		}
		return wanted{inline: []Inline{{File: "scenario.yaml", YAML: body}}}, nil
	case "", "application/json", "text/json", "text/plain", "application/x-www-form-urlencoded":
		return readJSON(body)
	default:
		return wanted{}, fmt.Errorf("the Content-Type is %q; send application/json or application/yaml", kind)
	}
}

const wantedForm = `send {"scenarios":["name"]}, with {"inline":[{"file":"my.yaml","yaml":"…"}]} for scenarios of your own, or a scenario's YAML as application/yaml`

func readJSON(body []byte) (wanted, error) {
	var in struct {
		Scenarios *[]string `json:"scenarios"`
		Inline    *[]struct {
			File string `json:"file"`
			YAML string `json:"yaml"`
		} `json:"inline"`
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields() // a misspelt "scenario" must not mean "restore the correct server"
	if err := dec.Decode(&in); err != nil {
		return wanted{}, fmt.Errorf("the body isn't the expected JSON: %w; %s", err, wantedForm)
	}
	if _, err := dec.Token(); err != io.EOF {
		return wanted{}, fmt.Errorf("the body has something after its JSON; %s", wantedForm)
	}
	if in.Scenarios == nil && in.Inline == nil {
		return wanted{}, fmt.Errorf("the body names no scenarios; %s", wantedForm)
	}
	var w wanted
	if in.Scenarios != nil {
		for _, name := range *in.Scenarios {
			if err := checkName(name); err != nil {
				return wanted{}, err
			}
			w.names = append(w.names, name)
		}
	}
	if in.Inline != nil {
		for i, s := range *in.Inline {
			if s.File == "" {
				s.File = fmt.Sprintf("inline-%d.yaml", i+1)
			}
			w.inline = append(w.inline, Inline{File: s.File, YAML: []byte(s.YAML)})
		}
	}
	return w, nil
}

// checkName rejects paths. A caller of the API must not make mailrig read files on its machine and quote them in error
// messages.
func checkName(name string) error {
	lower := strings.ToLower(name)
	switch {
	case strings.TrimSpace(name) == "":
		return errors.New("a scenario's name is empty; GET /api/v1/scenarios lists the names")
	case strings.ContainsAny(name, `/\`), strings.HasSuffix(lower, ".yaml"), strings.HasSuffix(lower, ".yml"):
		return fmt.Errorf("%q is a path, and mailrig reads no files for HTTP; send the file's content as \"inline\"", name)
	}
	return nil
}
