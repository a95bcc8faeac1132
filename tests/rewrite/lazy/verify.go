// Verify opens an eStargz blob with the reference implementation, checks its table of contents and every chunk
// against the digest that a manifest gives, and prints what it found: a JSON list of texts an entry.
package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sort"

	"github.com/containerd/stargz-snapshotter/estargz"
	digest "github.com/opencontainers/go-digest"
)

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func walk(entry *estargz.TOCEntry, path string, visit func(string, *estargz.TOCEntry)) {
	children := map[string]*estargz.TOCEntry{}
	names := []string{}
	entry.ForeachChild(func(name string, child *estargz.TOCEntry) bool {
		children[name] = child
		names = append(names, name)
		return true
	})
	sort.Strings(names)
	for _, name := range names {
		at := name
		if path != "" {
			at = path + "/" + name
		}
		visit(at, children[name])
		if children[name].Type == "dir" {
			walk(children[name], at, visit)
		}
	}
}

func main() {
	file, err := os.Open(os.Args[1])
	fail(err)
	status, err := file.Stat()
	fail(err)
	reader, err := estargz.Open(io.NewSectionReader(file, 0, status.Size()))
	fail(err)
	verifier, err := reader.VerifyTOC(digest.Digest(os.Args[2]))
	fail(err)
	root, ok := reader.Lookup("")
	if !ok {
		fail(fmt.Errorf("no root"))
	}
	walk(root, "", func(path string, entry *estargz.TOCEntry) {
		sum := ""
		if entry.Type == "reg" {
			content, err := reader.OpenFile(entry.Name)
			fail(err)
			hash := sha256.New()
			for offset := int64(0); offset < entry.Size; {
				chunk, ok := reader.ChunkEntryForOffset(entry.Name, offset)
				if !ok {
					fail(fmt.Errorf("%s: no chunk at %d", path, offset))
				}
				check, err := verifier.Verifier(chunk)
				fail(err)
				part := make([]byte, chunk.ChunkSize)
				_, err = content.ReadAt(part, chunk.ChunkOffset)
				fail(err)
				hash.Write(part)
				check.Write(part)
				if !check.Verified() {
					fail(fmt.Errorf("%s: the chunk at %d has another digest", path, offset))
				}
				offset = chunk.ChunkOffset + chunk.ChunkSize
			}
			sum = fmt.Sprintf("%x", hash.Sum(nil))
		}
		line, err := json.Marshal([]string{entry.Type, path, fmt.Sprint(entry.Size), sum, fmt.Sprint(entry.Mode),
			fmt.Sprint(entry.UID), fmt.Sprint(entry.GID), entry.LinkName,
			fmt.Sprintf("%d,%d", entry.DevMajor, entry.DevMinor)})
		fail(err)
		fmt.Println(string(line))
	})
}
