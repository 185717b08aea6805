package web

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/mailrig/mailrig/internal/state"
	"github.com/mailrig/mailrig/scenarios"
)

// mostOwn is how many scenarios of those that were written on the page are kept.
const mostOwn = 50

// kindOwn is the kind of their records. A key is a scenario's name.
const kindOwn = "own scenario"

// drafts are the scenarios that were written on the page.
type drafts struct{ state state.Store }

// draft is one of them. Fields may be added, and none may change its meaning.
type draft struct{ Name, Title, Story, Text string }

func (d drafts) text(ctx context.Context, name string) (text string, ok bool, err error) {
	if !scenarios.GoodName(name) {
		return "", false, nil
	}
	r, err := d.state.Get(ctx, kindOwn, name)
	if errors.Is(err, state.ErrNone) {
		return "", false, nil
	}
	if err != nil {
		return "", false, err
	}
	one, err := readDraft(r)
	return one.Text, err == nil, err
}

// entries lists the scenarios, the latest first.
func (d drafts) entries(ctx context.Context) (all []scenarios.Entry, err error) {
	list, err := d.latest(ctx)
	for _, r := range list {
		one, err := readDraft(r)
		if err != nil {
			return nil, err
		}
		all = append(all, scenarios.Entry{Name: one.Name, Title: one.Title, Story: one.Story})
	}
	return all, err
}

func readDraft(r state.Record) (one draft, err error) {
	if err := json.Unmarshal(r.Data, &one); err != nil {
		return draft{}, fmt.Errorf("the scenario %s can't be read any more: %w", r.Key, err)
	}
	return one, nil
}

// latest returns the records, the latest first.
func (d drafts) latest(ctx context.Context) ([]state.Record, error) {
	list, err := d.state.List(ctx, kindOwn, "", 2*mostOwn)
	slices.SortFunc(list, func(a, b state.Record) int { return cmp.Compare(b.Version, a.Version) })
	return list, err
}

// keep keeps a scenario in the place of an older one with its name. Beyond mostOwn, the oldest is forgotten.
func (d drafts) keep(ctx context.Context, s *scenarios.Scenario) error {
	data, err := json.Marshal(draft{s.Name, s.Title, s.Story, s.Text()})
	if err != nil {
		return err
	}
	list, err := d.latest(ctx)
	if err != nil {
		return err
	}
	changes := []state.Change{state.Put(kindOwn, s.Name, data)}
	others := slices.DeleteFunc(list, func(r state.Record) bool { return r.Key == s.Name })
	for _, r := range others[min(len(others), mostOwn-1):] {
		changes = append(changes, state.Remove(kindOwn, r.Key))
	}
	_, err = d.state.Apply(ctx, changes...)
	return err
}
