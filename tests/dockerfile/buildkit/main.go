// Command oracle reads a tar of Dockerfiles and writes, one line of JSON a file, what BuildKit says of each: the error of
// its parser and instruction checks ("refused"), or of its conversion to a build graph ("check"), and its warnings.
//
// It is the code behind `docker build --check`, asked without an engine: nothing runs and no image is pulled. Every base
// image is there, is linux/amd64, and sets PATH only.
package main

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/solver/pb"
	digest "github.com/opencontainers/go-digest"
)

// Warning is one finding of BuildKit's linter.
type Warning struct {
	Rule   string `json:"rule"`
	Line   int32  `json:"line"`
	Detail string `json:"detail"`
}

// Answer is what BuildKit says of one file.
type Answer struct {
	Name     string    `json:"name"`
	Refused  string    `json:"refused,omitempty"`
	Check    string    `json:"check,omitempty"`
	Lines    []int     `json:"lines,omitempty"`
	Warnings []Warning `json:"warnings,omitempty"`
}

type everyImage struct{}

func (everyImage) ResolveImageConfig(_ context.Context, ref string, _ sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	config := `{"os":"linux","architecture":"amd64","config":{"Env":["PATH=/usr/bin:/bin"]},` +
		`"rootfs":{"type":"layers","diff_ids":["sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"]}}`
	return ref, "", []byte(config), nil
}

func ask(name string, data []byte) (answer Answer) {
	answer.Name = name
	defer func() {
		if problem := recover(); problem != nil {
			answer.Check = fmt.Sprintf("panic: %v", problem)
		}
	}()
	if err := refuse(data); err != nil {
		answer.Refused = err.Error()
		var at *parser.LocationError
		if errors.As(err, &at) {
			for _, ranges := range at.Locations {
				for _, one := range ranges {
					answer.Lines = append(answer.Lines, one.Start.Line)
				}
			}
		}
		return answer
	}
	caps := pb.Caps.CapSet(pb.Caps.All())
	source := llb.NewSourceMap(nil, name, "Dockerfile", data)
	source.Definition = &llb.Definition{}
	options := dockerfile2llb.ConvertOpt{
		MetaResolver: everyImage{},
		LLBCaps:      &caps,
		SourceMap:    source,
	}
	results, err := dockerfile2llb.DockerfileLint(context.Background(), data, options)
	if err != nil {
		answer.Check = err.Error()
		return answer
	}
	if results.Error != nil {
		answer.Check = results.Error.Message
		for _, one := range results.Error.Location.Ranges {
			answer.Lines = append(answer.Lines, int(one.Start.Line))
		}
	}
	for _, warning := range results.Warnings {
		line := int32(0)
		if len(warning.Location.Ranges) > 0 {
			line = warning.Location.Ranges[0].Start.Line
		}
		answer.Warnings = append(answer.Warnings, Warning{warning.RuleName, line, warning.Detail})
	}
	return answer
}

func refuse(data []byte) error {
	result, err := parser.Parse(bytes.NewReader(data))
	if err != nil {
		return err
	}
	_, _, err = instructions.Parse(result.AST, nil)
	return err
}

func main() {
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	files := tar.NewReader(os.Stdin)
	for {
		header, err := files.Next()
		if err == io.EOF {
			return
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		if header.Typeflag != tar.TypeReg {
			continue
		}
		data, err := io.ReadAll(files)
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		if err := encoder.Encode(ask(header.Name, data)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}
