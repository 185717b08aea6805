package main

import (
	"archive/tar"
	"archive/zip"
	"cmp"
	"compress/gzip"
	"io"
	"os"
	"path"
	"slices"
)

// sorted returns files in the order of their paths.
func sorted(files []file) []file {
	return slices.SortedFunc(slices.Values(files), func(a, b file) int { return cmp.Compare(a.path, b.path) })
}

// writeTarGz writes an archive in which all files are in the directory top. Extracted by root, they belong to root.
func (r *release) writeTarGz(w io.Writer, top string, files []file) error {
	zw, err := gzip.NewWriterLevel(w, gzip.BestCompression)
	if err != nil {
		return err
	}
	tw := tar.NewWriter(zw)
	for _, f := range sorted(files) {
		content, err := os.ReadFile(f.source)
		if err != nil {
			return err
		}
		head := &tar.Header{Name: path.Join(top, f.path), Mode: int64(f.mode), Size: int64(len(content)), ModTime: r.time, Format: tar.FormatPAX}
		if err := tw.WriteHeader(head); err != nil {
			return err
		}
		if _, err := tw.Write(content); err != nil {
			return err
		}
	}
	if err := tw.Close(); err != nil {
		return err
	}
	return zw.Close()
}

// writeZip is writeTarGz for Windows.
func (r *release) writeZip(w io.Writer, top string, files []file) error {
	zw := zip.NewWriter(w)
	for _, f := range sorted(files) {
		content, err := os.ReadFile(f.source)
		if err != nil {
			return err
		}
		head := &zip.FileHeader{Name: path.Join(top, f.path), Method: zip.Deflate, Modified: r.time}
		head.SetMode(f.mode)
		entry, err := zw.CreateHeader(head)
		if err != nil {
			return err
		}
		if _, err := entry.Write(content); err != nil {
			return err
		}
	}
	return zw.Close()
}
