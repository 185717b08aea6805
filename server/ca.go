package server

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/mailrig/mailrig/certs"
)

func openCA(cfg Config) (*certs.CA, error) {
	o := certs.Options{Hostnames: cfg.Hostnames}
	if cfg.CADir != "" {
		return certs.LoadOrCreate(cfg.CADir, o)
	}
	return certs.NewCA(o)
}

// writeCAFile writes the CA's certificate to a file for clients that need one.
func (s *Server) writeCAFile() error {
	if s.cfg.CADir != "" {
		s.caFile = filepath.Join(s.cfg.CADir, "ca.pem")
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
