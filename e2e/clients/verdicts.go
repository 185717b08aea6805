package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"

	"github.com/mailrig/mailrig/internal/trial"
)

// Client is a program with a setting.
type Client struct {
	Name    string
	Setting string // "careful", or what is careless about the setting
	Needs   []string
	Run     string // a command for sh -c
}

// Careful reports whether nothing is wrong with the setting.
func (c *Client) Careful() bool { return c.Setting == "careful" }

func readClients(file string) (all []Client, err error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var c Client
	for i, line := range strings.Split(string(data)+"\n", "\n") {
		key, value, _ := strings.Cut(line, ": ")
		switch {
		case strings.HasPrefix(line, "#"):
		case line == "":
			if c.Name != "" {
				all = append(all, c)
			}
			c = Client{}
		case key == "client":
			c.Name = value
		case key == "setting":
			c.Setting = value
		case key == "needs":
			c.Needs = strings.Fields(value)
		case key == "run":
			c.Run = value
		default:
			return nil, fmt.Errorf("%s:%d: unknown key %q", file, i+1, key)
		}
	}
	return all, nil
}

// Cell is the verdict on one client under one scenario.
type Cell struct {
	Verdict trial.Verdict
	Why     string // for a failure: ids of findings, or words
}

func (c Cell) String() string {
	if c.Why == "" {
		return string(c.Verdict)
	}
	return string(c.Verdict) + " (" + c.Why + ")"
}

// cell returns the part of a result that stays the same from run to run.
func cell(r *trial.Result) Cell {
	c := Cell{Verdict: r.Verdict}
	if r.Verdict != trial.Fail && r.Verdict != trial.CouldNotRun {
		return c
	}
	var why []string
	for _, reason := range r.Reasons {
		text := reason.Text
		if reason.Finding != nil {
			text = reason.Finding.ID
		}
		why = append(why, strings.NewReplacer("\t", " ", "\n", " ", "|", "/").Replace(text))
	}
	c.Why = strings.Join(why, "; ")
	return c
}

// Verdicts are the stored verdicts, by scenario and client.
type Verdicts struct {
	cells map[string]map[string]Cell // scenario -> client's name
}

func (v *Verdicts) set(scenario, client string, c Cell) {
	if v.cells == nil {
		v.cells = map[string]map[string]Cell{}
	}
	if v.cells[scenario] == nil {
		v.cells[scenario] = map[string]Cell{}
	}
	v.cells[scenario][client] = c
}

func (v *Verdicts) of(c Client, scenario string) Cell { return v.cells[scenario][c.Name] }

func (v *Verdicts) keep(c Client, r *trial.Report) {
	for i := range r.Results {
		v.set(r.Results[i].Scenario, c.Name, cell(&r.Results[i]))
	}
}

// differing lists the scenarios whose verdict differs from the stored one. The words of the reasons may differ, because
// a client may be cut off at another point.
func (v *Verdicts) differing(c Client, r *trial.Report) (names []string) {
	for i := range r.Results {
		if v.of(c, r.Results[i].Scenario).Verdict != r.Results[i].Verdict {
			names = append(names, r.Results[i].Scenario)
		}
	}
	return names
}

var letters = map[trial.Verdict]byte{trial.Pass: 'p', trial.Fail: 'F', trial.NotExercised: '.', trial.CouldNotRun: '?'}

// text returns the verdicts as they are stored: for each scenario a line with a letter for each client, in the order of
// clients.txt, followed by the reasons for failures.
func (v *Verdicts) text(clients []Client) []byte {
	var b bytes.Buffer
	b.WriteString("# Made by go run ./e2e/clients -update. A letter for each client of clients.txt: p pass,\n" +
		"# F fail, . not exercised, ? could not run. Below, why it failed.\n")
	for _, s := range catalogue() {
		row := make([]byte, 0, len(clients))
		for _, c := range clients {
			letter, ok := letters[v.of(c, s.Name).Verdict]
			if !ok {
				letter = '-' // never tried
			}
			row = append(row, letter)
		}
		fmt.Fprintf(&b, "%s %s\n", row, s.Name)
		for _, c := range clients {
			if why := v.of(c, s.Name).Why; why != "" {
				fmt.Fprintf(&b, "\t%s\t%s\n", c.Name, why)
			}
		}
	}
	return b.Bytes()
}

func readVerdicts(file string, clients []Client) (*Verdicts, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	v := &Verdicts{}
	scenario := ""
	for i, line := range strings.Split(strings.TrimSuffix(string(data), "\n"), "\n") {
		switch fields := strings.Split(line, "\t"); {
		case strings.HasPrefix(line, "#"):
		case len(fields) == 3 && fields[0] == "":
			c := v.cells[scenario][fields[1]]
			c.Why = fields[2]
			v.set(scenario, fields[1], c)
		default:
			row, name, ok := strings.Cut(line, " ")
			if !ok || len(row) != len(clients) {
				return nil, fmt.Errorf("%s:%d: %d letters for %d clients; make it anew with -update", file, i+1, len(row), len(clients))
			}
			scenario = name
			for j, c := range clients {
				for verdict, letter := range letters {
					if row[j] == letter {
						v.set(name, c.Name, Cell{Verdict: verdict})
					}
				}
			}
		}
	}
	return v, nil
}
