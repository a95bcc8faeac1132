// Beacon answers over HTTP and gRPC: enough modules for a real module cache.
package main

import (
	"fmt"
	"net"
	"net/http"
	"os"

	"github.com/gin-gonic/gin"
	"github.com/spf13/cobra"
	"golang.org/x/text/cases"
	"golang.org/x/text/language"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
)

func serve(httpAddress, grpcAddress string) error {
	listener, err := net.Listen("tcp", grpcAddress)
	if err != nil {
		return err
	}
	server := grpc.NewServer()
	grpc_health_v1.RegisterHealthServer(server, health.NewServer())
	go func() { _ = server.Serve(listener) }()

	gin.SetMode(gin.ReleaseMode)
	router := gin.New()
	router.GET("/hello/:name", func(c *gin.Context) {
		name := cases.Title(language.English).String(c.Param("name"))
		c.JSON(http.StatusOK, gin.H{"hello": name})
	})
	return router.Run(httpAddress)
}

func main() {
	var httpAddress, grpcAddress string
	command := &cobra.Command{
		Use:          "beacon",
		SilenceUsage: true,
		RunE:         func(*cobra.Command, []string) error { return serve(httpAddress, grpcAddress) },
	}
	command.Flags().StringVar(&httpAddress, "http", "127.0.0.1:8080", "address of the HTTP server")
	command.Flags().StringVar(&grpcAddress, "grpc", "127.0.0.1:9090", "address of the gRPC server")
	if err := command.Execute(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
