# A program that trains on several ranks, with Open MPI and sshd, for Kubernetes'
# MPI Operator (mpijob.yaml) or any cluster that runs containers:
#
#   docker build -f docker/mpi.Dockerfile --build-arg PROGRAM=./mlkit/cmd/ranks -t descent-mpi .
#
# PROGRAM is a package of this checkout; it becomes /usr/local/bin/program. Nothing
# in the container runs as root.

ARG GO_IMAGE=golang:1.26-bookworm
ARG DEBIAN_IMAGE=debian:bookworm-slim

FROM ${GO_IMAGE} AS compile
ARG PROGRAM=./mlkit/cmd/ranks
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY mlkit mlkit
# No C compiler: the program loads the library when it runs.
RUN CGO_ENABLED=0 go build -trimpath -ldflags=-s -o /program ${PROGRAM}

FROM ${DEBIAN_IMAGE}
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends ca-certificates openmpi-bin libopenmpi3 openssh-client openssh-server \
 && rm -rf /var/lib/apt/lists/* /etc/ssh/ssh_host_* \
 && mkdir -p /run/sshd \
 && useradd --uid 1000 --create-home mpiuser
# The operator mounts a key pair of the job at /home/mpiuser/.ssh, which is all that
# the ranks' hosts have in common: their names and keys are new in every job.
RUN printf 'Host *\n  Port 2222\n  StrictHostKeyChecking no\n  UserKnownHostsFile /dev/null\n  LogLevel ERROR\n' > /etc/ssh/ssh_config.d/mpi.conf \
 && printf 'Port 2222\nPidFile /home/mpiuser/sshd.pid\nHostKey /home/mpiuser/.ssh/id_rsa\nStrictModes no\nPasswordAuthentication no\n' > /home/mpiuser/.sshd_config
COPY --from=compile /program /usr/local/bin/program
USER 1000
WORKDIR /home/mpiuser
CMD ["/usr/sbin/sshd", "-De", "-f", "/home/mpiuser/.sshd_config"]
