package issuer

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"net"
	"net/http"
	"slices"
	"strings"
)

// AddOnPath is where the add-on for Thunderbird is.
const AddOnPath = "/oauth2/thunderbird.xpi"

// addOn answers with an add-on (a MailExtension) that adds this issuer to Thunderbird's table of providers, which is compiled in
// otherwise. ?provider=google or microsoft takes their paths and scopes.
func (i *Issuer) addOn(w http.ResponseWriter, r *http.Request) {
	p := named(r.URL.Query().Get("provider"))
	manifest, err := json.MarshalIndent(i.manifest(p, r), "", "  ")
	if err != nil {
		i.broken(w, err)
		return
	}
	var b bytes.Buffer
	archive := zip.NewWriter(&b)
	f, err := archive.Create("manifest.json")
	if err == nil {
		_, err = f.Write(manifest)
	}
	if e := archive.Close(); err == nil {
		err = e
	}
	if err != nil {
		i.broken(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/x-xpinstall")
	w.Header().Set("Content-Disposition", `attachment; filename="mailrig.xpi"`)
	_, _ = b.WriteTo(w)
}

// manifest describes the add-on. Thunderbird looks providers up by the mail server's name, and only by names with a dot.
func (i *Issuer) manifest(p *provider, r *http.Request) map[string]any {
	hosts := append([]string{"127.0.0.1"}, i.MailHosts...)
	if host, _, err := net.SplitHostPort(r.Host); err == nil && strings.Contains(host, ".") {
		hosts = append(hosts, host)
	}
	slices.Sort(hosts)
	scope := strings.Join(append(slices.Clone(p.scopes), "offline_access"), " ")
	at := func(path string) string { return base(r) + strings.Replace(path, "{tenant}", "common", 1) }
	return map[string]any{
		"manifest_version": 2, "name": "mailrig", "version": "1.0", "description": "Signs in at a mailrig, a mock mail server for tests.",
		"browser_specific_settings": map[string]any{"gecko": map[string]any{"id": "mailrig@example.test"}},
		"oauth_provider": map[string]any{
			"issuer": "mailrig", "clientId": "thunderbird", "authorizationEndpoint": at(p.authorize[0]), "tokenEndpoint": at(p.token[0]),
			"redirectionEndpoint": "http://localhost", "usePKCE": true, "useExternalBrowser": true,
			"hostnames": slices.Compact(hosts), "scopes": scope,
		},
	}
}
