package trial

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// formats are the kinds of report files, by the end of the file name.
var formats = map[string]func(*Report, io.Writer) error{
	".json": (*Report).WriteJSON,
	".xml":  (*Report).WriteJUnit,
	".html": (*Report).WriteHTML,
	".htm":  (*Report).WriteHTML,
}

// CheckFile checks before a trial whether a report can be written to a file.
func CheckFile(file string) error {
	if _, ok := formats[strings.ToLower(filepath.Ext(file))]; !ok {
		return fmt.Errorf("can't tell the report's format from %s: end the name with .html, .xml (JUnit) or .json", file)
	}
	return checkPlace(file)
}

// checkPlace checks whether a file can be written there.
func checkPlace(file string) error {
	dir := filepath.Dir(file)
	switch info, err := os.Stat(dir); {
	case err != nil:
		return fmt.Errorf("can't write the report %s: %w; make the directory first", file, err)
	case !info.IsDir():
		return fmt.Errorf("can't write the report %s: %s isn't a directory; choose another place", file, dir)
	}
	if info, err := os.Stat(file); err == nil && info.IsDir() {
		return fmt.Errorf("can't write the report %s: it is a directory; give the name of a file", file)
	}
	return nil
}

// WriteFile writes the report in the format that the file name's end says. The file is complete or missing.
func (r *Report) WriteFile(file string) error {
	if err := CheckFile(file); err != nil {
		return err
	}
	write := formats[strings.ToLower(filepath.Ext(file))]
	return replaceFile(file, func(w io.Writer) error { return write(r, w) })
}

// replaceFile writes a file. It is complete, or stays as it was.
func replaceFile(file string, write func(io.Writer) error) error {
	f, err := os.OpenFile(fmt.Sprintf("%s.%d", file, os.Getpid()), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if err != nil {
		return fmt.Errorf("write the report %s: %w", file, err)
	}
	err = write(f)
	if e := f.Close(); err == nil {
		err = e
	}
	if err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		os.Remove(f.Name())
		return fmt.Errorf("write the report %s: %w", file, err)
	}
	return nil
}

// WriteJSON writes the report as JSON.
func (r *Report) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	return enc.Encode(r)
}
