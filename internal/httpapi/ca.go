package httpapi

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"text/template"
)

// ca returns the CA's certificate as PEM.
func (a *api) ca(w http.ResponseWriter, _ *http.Request) {
	certificate(w, "application/x-pem-file", "mailrig-ca.pem", a.Rig.CAPEM())
}

// caDER returns the CA's certificate as DER, which Windows and Android take.
func (a *api) caDER(w http.ResponseWriter, r *http.Request) {
	if der, ok := a.der(w, r); ok {
		certificate(w, "application/x-x509-ca-cert", "mailrig-ca.der", der)
	}
}

// caProfile returns the CA's certificate as a configuration profile, which iOS and macOS take. The same CA always has the
// same identifiers, so that a device replaces the profile.
func (a *api) caProfile(w http.ResponseWriter, r *http.Request) {
	der, ok := a.der(w, r)
	if !ok {
		return
	}
	sum := sha256.Sum256(der)
	var b bytes.Buffer
	err := profile.Execute(&b, map[string]string{
		"DER": base64.StdEncoding.EncodeToString(der), "Payload": uuid(sum[:16]), "Profile": uuid(sum[16:]),
	})
	if err != nil {
		a.broken(w, r, "write the CA's profile", err)
		return
	}
	certificate(w, "application/x-apple-aspen-config", "mailrig-ca.mobileconfig", b.Bytes())
}

func (a *api) der(w http.ResponseWriter, r *http.Request) ([]byte, bool) {
	block, _ := pem.Decode(a.Rig.CAPEM())
	if block == nil {
		a.fail(w, r, http.StatusInternalServerError, "the CA's certificate can't be read; its PEM is at /ca.pem")
		return nil, false
	}
	return block.Bytes, true
}

func certificate(w http.ResponseWriter, kind, name string, content []byte) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Disposition", fmt.Sprintf("attachment; filename=%q", name))
	_, _ = w.Write(content)
}

// uuid formats 16 bytes as a UUID made from a hash (RFC 9562 section 5.8).
func uuid(b []byte) string {
	b = bytes.Clone(b)
	b[6], b[8] = b[6]&0x0f|0x80, b[8]&0x3f|0x80
	return fmt.Sprintf("%X-%X-%X-%X-%X", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

var profile = template.Must(template.New("").Parse(`<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
	<key>PayloadContent</key>
	<array>
		<dict>
			<key>PayloadCertificateFileName</key>
			<string>mailrig-ca.der</string>
			<key>PayloadContent</key>
			<data>{{.DER}}</data>
			<key>PayloadDisplayName</key>
			<string>mailrig test CA</string>
			<key>PayloadIdentifier</key>
			<string>test.mailrig.ca.{{.Payload}}</string>
			<key>PayloadType</key>
			<string>com.apple.security.root</string>
			<key>PayloadUUID</key>
			<string>{{.Payload}}</string>
			<key>PayloadVersion</key>
			<integer>1</integer>
		</dict>
	</array>
	<key>PayloadDescription</key>
	<string>Trusts a mailrig on this device, for names that are reserved for tests only.</string>
	<key>PayloadDisplayName</key>
	<string>mailrig test CA</string>
	<key>PayloadIdentifier</key>
	<string>test.mailrig.profile.{{.Profile}}</string>
	<key>PayloadType</key>
	<string>Configuration</string>
	<key>PayloadUUID</key>
	<string>{{.Profile}}</string>
	<key>PayloadVersion</key>
	<integer>1</integer>
</dict>
</plist>
`))

// clientCertificate mints a certificate for a user, and returns it with its key: the client logs in with it by EXTERNAL.
func (a *api) clientCertificate(w http.ResponseWriter, r *http.Request) {
	pem, err := []byte(nil), errors.New("the query must say for whom, such as ?user=alice@example.test")
	if users := r.URL.Query()["user"]; len(users) == 1 && len(r.URL.Query()) == 1 {
		pem, err = a.Rig.ClientCertificate(users[0])
	}
	if err != nil {
		a.badBody(w, r, err)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	certificate(w, "application/x-pem-file", "client.pem", pem)
}
