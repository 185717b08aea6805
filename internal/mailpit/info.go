package mailpit

import (
	"net/http"
	"runtime/metrics"
	"time"
)

// about is what /info says.
type about struct {
	Version       string
	LatestVersion string
	Database      string
	DatabaseSize  int64
	Messages      int
	Unread        int
	Tags          map[string]int
	RuntimeStats  stats
}

type stats struct {
	Uptime           int64 // in seconds
	Memory           uint64
	MessagesDeleted  int
	SMTPAccepted     int
	SMTPAcceptedSize int64
	SMTPRejected     int
	SMTPIgnored      int
}

func (h *Handler) info(w http.ResponseWriter, r *http.Request) {
	a := about{Version: h.cfg.Version, LatestVersion: "disabled", Database: "mailrig's store of messages"}
	err := h.box.with(r.Context(), func(all []*Entry) (err error) {
		for _, l := range all {
			a.DatabaseSize += l.msg.Size()
		}
		a.Messages, a.Unread = len(all), unread(all)
		a.RuntimeStats = stats{
			Uptime: int64(time.Since(h.started) / time.Second), Memory: processMemory(),
			MessagesDeleted: h.box.deleted, SMTPAccepted: h.box.accepted, SMTPAcceptedSize: h.box.acceptedBytes,
		}
		a.Tags, err = h.box.tagCounts(r.Context(), all)
		return err
	})
	if err != nil {
		h.trouble(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, a)
}

// processMemory returns how many bytes the process has from the system.
func processMemory() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/total:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

type relay struct {
	Enabled            bool
	SMTPServer         string
	ReturnPath         string
	AllowedRecipients  string
	BlockedRecipients  string
	OverrideFrom       string
	PreserveMessageIDs bool
	RecipientAllowlist string
}

// webui tells a web page what there is.
func (h *Handler) webui(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, struct {
		Label               string
		MessageRelay        relay
		SpamAssassin        bool
		ChaosEnabled        bool
		DuplicatesIgnored   bool
		HideDeleteAllButton bool
	}{ChaosEnabled: h.cfg.Chaos != nil})
}

// noSpamCheck says what Mailpit says without SpamAssassin.
func noSpamCheck(w http.ResponseWriter, _ *http.Request) {
	http.Error(w, "File not found", http.StatusNotFound)
}

// htmlCheck says that there are no such checks.
func (h *Handler) htmlCheck(w http.ResponseWriter, r *http.Request) {
	h.check(w, r, func(html string, _ []string) (string, any) {
		if html == "" {
			return "message does not contain HTML", nil
		}
		return "mailrig doesn't check HTML; use Mailpit for that", nil
	})
}

// linkCheck answers only for letters without links: mailrig fetches nothing.
func (h *Handler) linkCheck(w http.ResponseWriter, r *http.Request) {
	h.check(w, r, func(_ string, links []string) (string, any) {
		if len(links) > 0 {
			return "mailrig doesn't check links, because it never connects to another host", nil
		}
		return "", struct {
			Errors int
			Links  []string
		}{0, []string{}}
	})
}

func (h *Handler) check(w http.ResponseWriter, r *http.Request, f func(html string, links []string) (wrong string, answer any)) {
	l, ok := h.found(w, r, r.PathValue("id"))
	if !ok {
		return
	}
	var html string
	var links []string
	err := h.box.with(r.Context(), func([]*Entry) error {
		m, err := open(r.Context(), l)
		if err == nil {
			html, links = m.HTML, m.Links
		}
		return err
	})
	if err != nil {
		h.trouble(w, r, err)
		return
	}
	if wrong, answer := f(html, links); wrong != "" {
		bad(w, wrong)
	} else {
		writeJSON(w, http.StatusOK, answer)
	}
}

func (h *Handler) release(w http.ResponseWriter, _ *http.Request) {
	bad(w, "mailrig never sends mail to another host, so it can't release a message")
}
