package main

import (
	"fmt"
	"net/http"
	"os"
)

func main() {
	http.HandleFunc("GET /hello/{name}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "hello %s, from %d\n", r.PathValue("name"), os.Getuid())
	})
	http.Handle("/", http.FileServer(http.Dir("/www")))
	if err := http.ListenAndServe(":18101", nil); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
