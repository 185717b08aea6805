package issuer

import (
	"net/http"
	"strings"
)

// discovery answers with the metadata of RFC 8414 and OpenID Connect Discovery, which use the same names.
func (i *Issuer) discovery(p *provider) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		p := p
		if p == own {
			p = named(i.conditions(r.Context(), "").Discovery)
		}
		tenant := r.PathValue("tenant")
		at := func(paths []string) string { return base(r) + strings.Replace(paths[0], "{tenant}", tenant, 1) }
		doc := map[string]any{
			"issuer":                                         issuerOf(p, r),
			"authorization_endpoint":                         at(p.authorize),
			"token_endpoint":                                 at(p.token),
			"device_authorization_endpoint":                  at(p.device),
			"jwks_uri":                                       at(p.keys),
			"userinfo_endpoint":                              at(own.userinfo),
			"response_types_supported":                       []string{"code"},
			"response_modes_supported":                       []string{"query", "form_post"},
			"grant_types_supported":                          grantTypes(),
			"scopes_supported":                               append([]string{"openid", "email", "profile", "offline_access"}, p.scopes...),
			"subject_types_supported":                        []string{"public"},
			"id_token_signing_alg_values_supported":          []string{"ES256"},
			"token_endpoint_auth_methods_supported":          []string{"client_secret_basic", "client_secret_post", "none"},
			"code_challenge_methods_supported":               []string{"S256", "plain"},
			"claims_supported":                               []string{"sub", "iss", "aud", "exp", "iat", "nonce", "email", "email_verified", "name"},
			"authorization_response_iss_parameter_supported": true,
		}
		if p != microsoft {
			doc["revocation_endpoint"] = at(p.revoke)
		}
		if p == own {
			doc["introspection_endpoint"] = base(r) + introspectPath
			doc["registration_endpoint"] = base(r) + registerPath
		}
		writeJSON(w, http.StatusOK, doc)
	}
}

// issuerOf returns the issuer's identifier. Microsoft's holds the tenant.
func issuerOf(p *provider, r *http.Request) string {
	if tenant := r.PathValue("tenant"); p == microsoft && tenant != "" {
		return base(r) + "/" + tenant + "/v2.0"
	}
	return base(r)
}

// instances answers what MSAL asks first: which authorities belong together.
func (i *Issuer) instances(w http.ResponseWriter, r *http.Request) {
	writeJSON(w, http.StatusOK, map[string]any{
		"tenant_discovery_endpoint": base(r) + "/common/v2.0/.well-known/openid-configuration",
		"api-version":               "1.1",
		"metadata": []any{map[string]any{
			"preferred_network": r.Host, "preferred_cache": r.Host, "aliases": []string{r.Host},
		}},
	})
}

// keys answers with the key that signs ID tokens (RFC 7517).
func (i *Issuer) keys(w http.ResponseWriter, r *http.Request) {
	key, err := i.key()
	if err != nil {
		i.broken(w, err)
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{"keys": []any{key.public()}})
}

// broken answers a request that failed because of mailrig.
func (i *Issuer) broken(w http.ResponseWriter, err error) {
	i.Logger.Error("the issuer can't answer", "err", err)
	writeJSON(w, http.StatusInternalServerError, map[string]any{"error": "server_error"})
}
