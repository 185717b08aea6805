package server

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/mailrig/mailrig/certs"
	"github.com/mailrig/mailrig/internal/door"
)

// openCA opens the CA. The certificate is also for the addresses on which the doors will listen.
func openCA(ctx context.Context, cfg Config) (*certs.CA, error) {
	addresses, err := door.Addresses(ctx, cfg.Hosts)
	if err != nil {
		return nil, err
	}
	o := certs.Options{Hostnames: slices.Clone(cfg.Hostnames)}
	for _, a := range addresses {
		o.Hostnames = append(o.Hostnames, a.String())
	}
	if dir := cfg.caDir(); dir != "" {
		return certs.LoadOrCreate(dir, o)
	}
	return certs.NewCA(o)
}

// writeCAFile writes the CA's certificate to a file for clients that need one.
func (s *Server) writeCAFile() error {
	if dir := s.cfg.caDir(); dir != "" {
		s.caFile = filepath.Join(dir, "ca.pem")
		return nil
	}
	f, err := os.CreateTemp("", "mailrig-ca-*.pem")
	if err != nil {
		return fmt.Errorf("write the CA's certificate: %w; set TMPDIR to a directory that can be written, or use --ca-dir", err)
	}
	s.caFile, s.caIsOurs = f.Name(), true
	_, err = f.Write(s.ca.PEM())
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return fmt.Errorf("write the CA's certificate: %w", err)
	}
	return nil
}

func (s *Server) removeCAFile() error {
	if !s.caIsOurs {
		return nil
	}
	s.caIsOurs = false
	return os.Remove(s.caFile)
}
