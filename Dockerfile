# rewind as one static binary on an empty image.
FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags="-s -w" -o /out/rewind ./cmd/rewind && mkdir /out/data

FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /out/rewind /usr/local/bin/rewind
# A new volume takes this folder's owner: the user that Impala's images run as, and that compose gives this one.
COPY --from=build --chown=1000:1000 /out/data /var/lib/rewind
USER 1000:1000
WORKDIR /etc/rewind
ENTRYPOINT ["/usr/local/bin/rewind"]
CMD ["help"]
