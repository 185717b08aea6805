package server

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/mailrig/mailrig/certs"
	"github.com/mailrig/mailrig/internal/door"
	"github.com/mailrig/mailrig/internal/state"
)

// openCA opens the CA. The certificate is also for the addresses on which the doors will listen.
func (s *Server) openCA() (*certs.CA, error) {
	addresses, err := door.Addresses(s.ctx, s.cfg.Hosts)
	if err != nil {
		return nil, err
	}
	o := certs.Options{Hostnames: slices.Clone(s.cfg.Hostnames)}
	for _, a := range addresses {
		o.Hostnames = append(o.Hostnames, a.String())
	}
	switch dir := s.cfg.caDir(); {
	case dir != "":
		return certs.LoadOrCreate(dir, o)
	case s.shared != nil:
		return s.sharedCA(o)
	}
	return certs.NewCA(o)
}

// The record of the CA that servers share.
const (
	caKind = "ca"
	caKey  = "root"
)

// sharedCA opens the CA in the database. The first server makes it.
func (s *Server) sharedCA(o certs.Options) (*certs.CA, error) {
	r, err := s.state.Get(s.ctx, caKind, caKey)
	if errors.Is(err, state.ErrNone) {
		if err := s.makeCA(o); err != nil {
			return nil, err
		}
		r, err = s.state.Get(s.ctx, caKind, caKey) // ours, or that of a server that was faster
	}
	if err != nil {
		return nil, fmt.Errorf("read the CA in %s: %w", s.shared, err)
	}
	ca, err := certs.Import(r.Data, o)
	if err != nil {
		return nil, fmt.Errorf("%w. It is in %s; for a new one, DELETE FROM mailrig.records WHERE kind = '%s', and restart all servers; or name a directory for this server's with --ca-dir", err, s.shared, caKind)
	}
	return ca, nil
}

func (s *Server) makeCA(o certs.Options) error {
	o.Private = true // the other servers have other addresses
	ca, err := certs.NewCA(o)
	if err != nil {
		return err
	}
	data, err := ca.Export()
	if err != nil {
		return err
	}
	if _, err = s.state.Apply(s.ctx, state.Create(caKind, caKey, data)); err != nil && !errors.Is(err, state.ErrConflict) {
		return fmt.Errorf("keep the CA in %s: %w", s.shared, err)
	}
	return nil
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
