package main

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/mailrig/mailrig/certs"
)

func (a *app) caCommand() *cobra.Command {
	var address, dir, client string
	cmd := &cobra.Command{
		Use:   "ca",
		Short: "Print the CA certificate (PEM)",
		Long: `Print the CA certificate of the running mailrig, or with --ca-dir the one that is kept
in that directory. Clients that trust this CA accept mailrig's certificates. The CA can
sign only for test names and local addresses.

With --client, print a new certificate for a client instead, and its private key: with
them it logs in as this user, where --auth offers EXTERNAL.` + aboutVariables,
		Example: `  mailrig ca > mailrig-ca.pem
  mailrig ca --client alice@example.test > alice.pem`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			get := a.caPEM
			if client != "" {
				get = func(ctx context.Context, address, dir string) ([]byte, error) {
					return a.clientPEM(ctx, address, dir, client)
				}
			}
			pem, err := get(cmd.Context(), address, dir)
			if err != nil {
				return err
			}
			if _, err := a.stdout.Write(pem); err != nil {
				return notStarted("print the CA: %w", err)
			}
			return nil
		},
	}
	a.httpFlag(cmd, &address)
	cmd.Flags().StringVar(&dir, "ca-dir", "", "print the CA kept in `DIR`")
	cmd.Flags().StringVar(&client, "client", "", "print a certificate and its key with which a client logs in as `USER`")
	return cmd
}

func (a *app) caPEM(ctx context.Context, address, dir string) ([]byte, error) {
	if dir != "" {
		file := filepath.Join(dir, "ca.pem")
		pem, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			return nil, notStarted("there is no CA in %s yet; start `mailrig serve --ca-dir %s` once, and it makes one", dir, dir)
		}
		if err != nil {
			return nil, notStarted("read the CA: %w", err)
		}
		return pem, nil
	}
	return a.askPEM(ctx, address, "GET", "/ca.pem")
}

// askPEM asks a running mailrig for a certificate.
func (a *app) askPEM(ctx context.Context, address, method, path string) (pem []byte, err error) {
	c, err := a.connect(address)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	if err := c.do(ctx, method, path, nil, &pem); err != nil {
		return nil, talkError(err)
	}
	if !bytes.HasPrefix(pem, []byte("-----BEGIN CERTIFICATE-----")) {
		return nil, notStarted("what answers at %s isn't a mailrig; say where it is with --http or MAILRIG_HTTP", c.base)
	}
	return pem, nil
}

// clientPEM returns a certificate for a user, and its key.
func (a *app) clientPEM(ctx context.Context, address, dir, user string) ([]byte, error) {
	if dir != "" {
		if _, err := a.caPEM(ctx, address, dir); err != nil { // a CA that isn't there isn't made for this
			return nil, err
		}
		ca, err := certs.LoadOrCreate(dir, certs.Options{})
		if err != nil {
			return nil, notStarted("%w", err)
		}
		pem, err := ca.Client(user)
		if err != nil {
			return nil, usage("%w", err)
		}
		return pem, nil
	}
	return a.askPEM(ctx, address, "POST", "/api/v1/client-certificate?user="+url.QueryEscape(user))
}
