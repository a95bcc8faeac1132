// Reads tar archives with Go's archive/tar, which is what engines unpack layers with, and says what it found.
//
// Input: archives, each after its length as 8 bytes (big endian). Output: one line of JSON an archive.
// With the argument "write" it writes an archive instead, with all that its three dialects can say.
package main

import (
	"archive/tar"
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"io"
	"os"
	"strings"
	"time"
)

type member struct {
	Name, Link       []byte
	Flag             int
	Size, Mode       int64
	UID, GID         int
	Seconds          int64
	Nanoseconds      int
	Major, Minor     int64
	Xattrs           map[string][]byte
	Content          []byte
}

type answer struct {
	Members []member
	Error   string
}

func read(data []byte) (found answer) {
	reader := tar.NewReader(bytes.NewReader(data))
	for {
		header, err := reader.Next()
		if err == io.EOF {
			return
		}
		if err != nil {
			found.Error = err.Error()
			return
		}
		entry := member{
			Name: []byte(header.Name), Link: []byte(header.Linkname), Flag: int(header.Typeflag),
			Size: header.Size, Mode: header.Mode, UID: header.Uid, GID: header.Gid,
			Seconds: header.ModTime.Unix(), Nanoseconds: header.ModTime.Nanosecond(),
			Major: header.Devmajor, Minor: header.Devminor, Xattrs: map[string][]byte{},
		}
		for key, value := range header.Xattrs {
			entry.Xattrs[key] = []byte(value)
		}
		if header.Size <= 1<<24 {
			digest := sha256.New()
			if _, err := io.Copy(digest, reader); err != nil {
				found.Error = err.Error()
				return
			}
			entry.Content = digest.Sum(nil)
		}
		found.Members = append(found.Members, entry)
	}
}

func write(output io.Writer) {
	writer := tar.NewWriter(output)
	for _, format := range []tar.Format{tar.FormatUSTAR, tar.FormatPAX, tar.FormatGNU} {
		top := strings.ToLower(format.String()) + "/"
		long := top + strings.Repeat("directory/", 14)
		headers := []tar.Header{
			{Typeflag: tar.TypeDir, Name: top, Mode: 01777, Uid: 1000, Gid: 1000},
			{Typeflag: tar.TypeReg, Name: top + "file", Mode: 04755, Size: 700},
			{Typeflag: tar.TypeReg, Name: long + "file", Mode: 0600, Size: 512},
			{Typeflag: tar.TypeLink, Name: top + "hard", Linkname: top + "file"},
			{Typeflag: tar.TypeSymlink, Name: top + "soft", Linkname: "../else/where"},
			{Typeflag: tar.TypeChar, Name: top + "null", Mode: 0666, Devmajor: 1, Devminor: 3},
			{Typeflag: tar.TypeBlock, Name: top + "disk", Mode: 0660, Devmajor: 254, Devminor: 1},
			{Typeflag: tar.TypeFifo, Name: top + "pipe", Mode: 0644},
		}
		if format != tar.FormatUSTAR {
			far := time.Unix(1<<34, 0)
			headers = append(headers,
				tar.Header{Typeflag: tar.TypeReg, Name: top + strings.Repeat("n", 200), Size: 3, ModTime: far},
				tar.Header{Typeflag: tar.TypeReg, Name: top + "old", ModTime: time.Unix(-77, 0), Uid: 1 << 31, Gid: 1 << 40},
				tar.Header{Typeflag: tar.TypeReg, Name: top + "caf\u00e9 \u65e5\u672c"},
				tar.Header{Typeflag: tar.TypeSymlink, Name: top + "far", Linkname: strings.Repeat("l", 300)},
			)
		}
		if format == tar.FormatPAX {
			headers = append(headers, tar.Header{
				Typeflag: tar.TypeReg, Name: top + "attributes", ModTime: time.Unix(-2, 250_000_000),
				PAXRecords: map[string]string{"SCHILY.xattr.security.capability": "\x01\x00\x00\x02\x00=\n"},
			})
		}
		for _, header := range headers {
			header.Format = format
			if header.ModTime.IsZero() {
				header.ModTime = time.Unix(1_700_000_000, 0)
			}
			if err := writer.WriteHeader(&header); err != nil {
				panic(header.Name + ": " + err.Error())
			}
			writer.Write(bytes.Repeat([]byte{'x'}, int(header.Size)))
		}
	}
	writer.Close()
}

func main() {
	if len(os.Args) > 1 {
		write(os.Stdout)
		return
	}
	input, output := bufio.NewReader(os.Stdin), bufio.NewWriter(os.Stdout)
	for {
		var size uint64
		if binary.Read(input, binary.BigEndian, &size) != nil {
			return
		}
		data := make([]byte, size)
		if _, err := io.ReadFull(input, data); err != nil {
			return
		}
		json.NewEncoder(output).Encode(read(data))
		output.Flush()
	}
}
