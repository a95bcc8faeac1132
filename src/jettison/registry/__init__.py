"""The client of the OCI distribution specification 1.1: what registries are asked, as `docker://` and `copy` need it.

    repository   one repository on all sites that serve it: manifests, blobs, tags, referrers
    push         a whole graph into a repository, the tag last
    upload       one blob: mounted, sent, resumed, verified        tape          bytes on their way, the last at hand
    referrers    the tag that stands in for the referrers API
    client       one site: authorised, repeated, redirected requests
    tokens       challenges answered with Basic or Bearer       credentials   as docker and podman keep them
    sites        registry names to hosts, mirrors included      transport     connections, proxies, timeouts
    retry        when and how long to wait                      blob          streaming with resume, verified

Threads may share everything here. Nothing follows a redirect with credentials to another host, nothing falls back to
plain http but on this machine or where `JETTISON_INSECURE_REGISTRIES` names the host.
"""
