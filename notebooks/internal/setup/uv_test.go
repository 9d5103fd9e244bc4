package setup

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const wheelName = "tiny-1.0-py3-none-any.whl"

// wheel returns a package that holds one module, and the requirement that pins
// it.
func wheel(t *testing.T) (data []byte, requirement string) {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, text := range map[string]string{
		"tiny.py":                     "size = 1\n",
		"tiny-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n",
		"tiny-1.0.dist-info/WHEEL":    "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
		"tiny-1.0.dist-info/RECORD":   "tiny.py,,\ntiny-1.0.dist-info/METADATA,,\ntiny-1.0.dist-info/WHEEL,,\ntiny-1.0.dist-info/RECORD,,\n",
	} {
		w, err := z.Create(name)
		if err == nil {
			_, err = w.Write([]byte(text))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), fmt.Sprintf("tiny==1.0 --hash=sha256:%x\n", sha256.Sum256(b.Bytes()))
}

// index is a package index with that one package.
func index(data []byte, user, password string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		u, p, _ := r.BasicAuth()
		switch {
		case user != "" && (u != user || p != password):
			w.Header().Set("WWW-Authenticate", `Basic realm="index"`)
			w.WriteHeader(http.StatusUnauthorized)
		case r.URL.Path == "/simple/tiny/":
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprintf(w, `<!DOCTYPE html><html><body><a href="/files/%s">%s</a></body></html>`, wheelName, wheelName)
		case r.URL.Path == "/files/"+wheelName:
			w.Write(data)
		default:
			http.NotFound(w, r)
		}
	})
}

// certify gives the server a certificate for this machine and returns that of
// the authority that signed it, as PEM.
func certify(t *testing.T, server *httptest.Server) string {
	t.Helper()
	made := func(template, parent *x509.Certificate, key, signer *ecdsa.PrivateKey) *x509.Certificate {
		template.SerialNumber = big.NewInt(1)
		template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
		raw, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
		if err != nil {
			t.Fatal(err)
		}
		c, err := x509.ParseCertificate(raw)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	var keys [2]*ecdsa.PrivateKey
	for i := range keys {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		keys[i] = key
	}
	authority := &x509.Certificate{Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
	ca := made(authority, authority, keys[0], keys[0])
	leaf := made(&x509.Certificate{Subject: pkix.Name{CommonName: "index"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}, ca, keys[1], keys[0])
	server.TLS = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{leaf.Raw}, PrivateKey: keys[1]}}}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Raw}))
}

// bareEnvironment takes away what the machine says to pip and uv.
func bareEnvironment(t *testing.T) {
	t.Helper()
	home := t.TempDir()
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		for _, prefix := range []string{"PIP_", "UV_", "SSL_", "NETRC", "REQUESTS_CA", "CURL_CA", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "XDG_"} {
			if strings.HasPrefix(strings.ToUpper(name), prefix) {
				t.Setenv(name, "")
				os.Unsetenv(name)
			}
		}
	}
	t.Setenv("HOME", home)
}

// pythonAndUV finds both, and skips the test where there is no Python.
func pythonAndUV(t *testing.T) (interpreter, uv) {
	t.Helper()
	py, err := findPython(t.Context())
	if err != nil {
		t.Skip(err)
	}
	cache, err := cacheDir()
	if err != nil {
		t.Fatal(err)
	}
	program, err := findUV(t.Context(), &progress{}, cache, py)
	if err != nil {
		t.Fatal(err)
	}
	return py, program
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// What is said to pip holds for uv: an index of one's own, in its settings or
// in the environment, with a password, a certificate, a proxy.
func TestPipSettings(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: makes Python environments")
	}
	py, program := pythonAndUV(t)
	data, requirement := wheel(t)
	open := httptest.NewServer(index(data, "", ""))
	defer open.Close()
	closed := httptest.NewServer(index(data, "anna", "secret"))
	defer closed.Close()
	nothing := httptest.NewServer(http.NotFoundHandler())
	defer nothing.Close()
	secure := httptest.NewUnstartedServer(index(data, "", ""))
	ca := certify(t, secure)
	secure.StartTLS()
	defer secure.Close()
	proxied := ""
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		proxied = r.URL.Host // a proxy is asked for whole addresses
		index(data, "", "").ServeHTTP(w, r)
	}))
	defer proxy.Close()

	for name, set := range map[string]func(t *testing.T){
		"PIP_INDEX_URL": func(t *testing.T) { t.Setenv("PIP_INDEX_URL", open.URL+"/simple") },
		"pip.conf": func(t *testing.T) {
			t.Setenv("PIP_CONFIG_FILE", write(t, "pip.conf", "[global]\nindex-url = "+nothing.URL+"/simple\n[install]\nindex-url = "+open.URL+"/simple/\n"))
		},
		"the user's pip.conf": func(t *testing.T) {
			dir := filepath.Join(os.Getenv("HOME"), ".pip") // read on every system
			os.Mkdir(dir, 0o700)
			os.WriteFile(filepath.Join(dir, "pip.conf"), []byte("[global]\nindex-url = "+open.URL+"/simple/\n"), 0o600)
		},
		"a second index": func(t *testing.T) {
			t.Setenv("PIP_CONFIG_FILE", write(t, "pip.conf", "[global]\nindex-url = "+nothing.URL+"/simple\nextra-index-url =\n  "+
				nothing.URL+"/other\n  "+open.URL+"/simple\n"))
		},
		"netrc": func(t *testing.T) {
			t.Setenv("PIP_INDEX_URL", closed.URL+"/simple")
			t.Setenv("NETRC", write(t, "netrc", "machine 127.0.0.1 login anna password secret\n"))
		},
		"a password in the address": func(t *testing.T) {
			t.Setenv("PIP_INDEX_URL", strings.Replace(closed.URL, "://", "://anna:secret@", 1)+"/simple")
		},
		"a certificate": func(t *testing.T) {
			t.Setenv("PIP_INDEX_URL", secure.URL+"/simple")
			t.Setenv("PIP_CERT", write(t, "ca.pem", ca))
		},
		"a certificate for all Python programs": func(t *testing.T) {
			t.Setenv("PIP_INDEX_URL", secure.URL+"/simple")
			t.Setenv("PIP_CONFIG_FILE", os.DevNull) // the machine's may name certificates, which go first
			t.Setenv("REQUESTS_CA_BUNDLE", write(t, "ca.pem", ca))
		},
		"a trusted host": func(t *testing.T) {
			t.Setenv("PIP_INDEX_URL", secure.URL+"/simple")
			t.Setenv("PIP_TRUSTED_HOST", strings.TrimPrefix(secure.URL, "https://"))
		},
		"a folder": func(t *testing.T) {
			t.Setenv("PIP_NO_INDEX", "1")
			t.Setenv("PIP_FIND_LINKS", filepath.Dir(write(t, wheelName, string(data))))
		},
		"a proxy": func(t *testing.T) {
			t.Setenv("PIP_INDEX_URL", "http://index.invalid/simple")
			t.Setenv("PIP_PROXY", proxy.URL)
		},
	} {
		t.Run(name, func(t *testing.T) {
			bareEnvironment(t)
			set(t)
			settings, err := pipSettings(t.Context(), py)
			if err != nil {
				t.Fatal(err)
			}
			u := uv{path: program.path, environ: append(pythonEnviron(), "UV_CACHE_DIR="+t.TempDir())}
			u.configure(settings)
			dir := t.TempDir()
			if err := u.install(t.Context(), py, dir, requirement); err != nil {
				t.Fatalf("%v\nwith pip's settings %v", err, settings)
			}
			if out, err := exec.Command(filepath.Join(dir, "bin", "python"), "-c", "import tiny; print(tiny.size)").CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
	if proxied != "index.invalid" {
		t.Errorf("the proxy was asked for %q", proxied)
	}
}

// What arrives must be what is pinned.
func TestWrongHash(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: makes a Python environment")
	}
	py, u := pythonAndUV(t)
	data, _ := wheel(t)
	server := httptest.NewServer(index(data, "", ""))
	defer server.Close()
	bareEnvironment(t)
	t.Setenv("PIP_INDEX_URL", server.URL+"/simple")
	u = uv{path: u.path, environ: append(pythonEnviron(), "UV_DEFAULT_INDEX="+server.URL+"/simple", "UV_CACHE_DIR="+t.TempDir())}
	wrong := "tiny==1.0 --hash=sha256:" + strings.Repeat("0", 64) + "\n"
	if err := u.install(t.Context(), py, t.TempDir(), wrong); err == nil || !strings.Contains(err.Error(), strings.Repeat("0", 64)) {
		t.Errorf("%v; want the hashes", err)
	}
}

// Where uv cannot be had, pip does its work.
func TestWithoutUV(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: makes a Python environment")
	}
	py, err := findPython(t.Context())
	if err != nil {
		t.Skip(err)
	}
	data, requirement := wheel(t)
	server := httptest.NewServer(index(data, "", ""))
	defer server.Close()
	bareEnvironment(t)
	t.Setenv("PIP_INDEX_URL", server.URL+"/simple") // which has no uv
	path(t, map[string]string{"uv": "echo uv 0.8.99"})
	dir := t.TempDir()
	var log bytes.Buffer
	if err := makeVenv(t.Context(), &progress{out: &log}, t.TempDir(), py, dir, "something", requirement); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(log.String(), "pip takes the place of uv") {
		t.Errorf("without a word: %s", &log)
	}
	if out, err := exec.Command(filepath.Join(dir, "bin", "python"), "-c", "import tiny").CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

func TestUVVersion(t *testing.T) {
	for says, good := range map[string]bool{
		"uv 0.9.0": true, "uv 0.13.8 (x86_64-unknown-linux-gnu)": true, "uv 1.0.0 (abc 2026-12-01)": true,
		"uv 0.8.22": false, "uvula 9.9.9": false, "": false,
	} {
		path(t, map[string]string{"uv": "echo '" + says + "'"})
		program, _ := exec.LookPath("uv")
		if _, err := uvVersion(context.Background(), program); (err == nil) != good {
			t.Errorf("%q: %v", says, err)
		}
	}
}
