package mailpit

import (
	"maps"
	"net/http"
	"slices"
	"strings"
)

func (h *Handler) tags(w http.ResponseWriter, r *http.Request) {
	var tags []string
	err := h.box.with(r.Context(), func(all []*Entry) (err error) {
		tags, err = h.box.allTags(r.Context(), all)
		return err
	})
	if err != nil {
		h.trouble(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, tags)
}

// setTags gives letters these tags instead of theirs. An id that doesn't exist creates the tags all the same.
func (h *Handler) setTags(w http.ResponseWriter, r *http.Request) {
	var body struct{ IDs, Tags []string }
	if err := decode(r, &body); err != nil {
		badBody(w, err)
		return
	}
	h.change(w, r, func(all []*Entry) error {
		known, err := h.box.allTags(r.Context(), all)
		if err != nil {
			return err
		}
		tags := cleanTags(body.Tags)
		for i, tag := range tags {
			if at := indexTag(known, tag); at >= 0 {
				tags[i] = known[at] // as it was written first
			}
		}
		for _, id := range body.IDs {
			h.events.tell("update", changeEvent{ID: id, Tags: tags})
			if l := h.box.byID[id]; l != nil {
				l.tags, l.tagged, l.given = tags, true, true
				h.box.keep(l)
			} else if len(tags) == 0 {
				delete(h.box.strangers, id)
				h.box.keeper.tagging = true
			} else if len(id) <= mostTagBytes && h.box.strangerTags() < mostTags {
				h.box.strangers[id] = tags
				h.box.keeper.tagging = true
			}
		}
		return nil
	})
}

func (b *box) strangerTags() (n int) {
	for _, tags := range b.strangers {
		n += len(tags)
	}
	return n
}

func indexTag(list []string, tag string) int {
	return slices.IndexFunc(list, func(other string) bool { return strings.EqualFold(other, tag) })
}

// renameTag gives a tag another name, at every letter that has it.
func (h *Handler) renameTag(w http.ResponseWriter, r *http.Request) {
	var body struct{ Name string }
	if err := decode(r, &body); err != nil {
		badBody(w, err)
		return
	}
	name := cleanTag(body.Name)
	if name == "" {
		bad(w, "invalid tag name: "+body.Name)
		return
	}
	h.changeTag(w, r, name)
}

func (h *Handler) deleteTag(w http.ResponseWriter, r *http.Request) { h.changeTag(w, r, "") }

// changeTag renames the tag of the path, or removes it if name is "".
func (h *Handler) changeTag(w http.ResponseWriter, r *http.Request, name string) {
	old := r.PathValue("tag")
	wrong := ""
	err := h.box.with(r.Context(), func(all []*Entry) error {
		known, err := h.box.allTags(r.Context(), all)
		if err != nil {
			return err
		}
		if indexTag(known, old) < 0 {
			wrong = "tag not found: " + old
			return nil
		}
		if at := indexTag(known, name); at >= 0 && !strings.EqualFold(name, old) {
			wrong = "tag already exists: " + known[at]
			return nil
		}
		for _, l := range all {
			if indexTag(l.tags, old) >= 0 {
				l.tags, l.given = renamed(l.tags, old, name), true
				h.box.keep(l)
			}
		}
		h.box.keeper.tagging = true
		for id, tags := range maps.Clone(h.box.strangers) {
			if tags = renamed(tags, old, name); len(tags) > 0 {
				h.box.strangers[id] = tags
			} else {
				delete(h.box.strangers, id)
			}
		}
		h.events.tell("prune", nil)
		return nil
	})
	switch {
	case err != nil:
		h.trouble(w, r, err)
	case wrong != "":
		bad(w, wrong)
	default:
		ok(w)
	}
}

// renamed returns tags in which one is renamed, or removed if name is "". It doesn't change the list.
func renamed(tags []string, old, name string) []string {
	at := indexTag(tags, old)
	if at < 0 {
		return tags
	}
	tags = slices.Delete(slices.Clone(tags), at, at+1)
	if name != "" {
		tags = append(tags, name)
		sortTags(tags)
	}
	return tags
}
