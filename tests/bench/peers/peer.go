// peer.go: what a Go programmer would write instead of offhook-api: net/http and pgx, with the same statements.
// PEER_SPEC is a file of the bench (see ../versus): the statements, and where their parameters come from.
package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v4/pgxpool"
)

type statement struct {
	Statement string
	Params    []interface{} // a text, nil, or {"from": name}
}

type call struct {
	TargetPhone string `json:"target_phone"`
	Brief       string `json:"brief"`
	Language    string `json:"language"`
	Kind        string `json:"kind"`
}

var (
	spec struct {
		Connections  int
		Accept, Read statement
	}
	pool   *pgxpool.Pool
	serial uint64
	phone  = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)
	kinds  = map[string]bool{"restaurant_booking": true, "appointment": true, "negotiation": true, "other": true}
)

func unique(prefix string) string {
	return fmt.Sprintf("%s_g%07d%018d", prefix, os.Getpid(), atomic.AddUint64(&serial, 1))
}

func bound(s *statement, given map[string]string) []interface{} {
	values := make([]interface{}, len(s.Params))
	for i, p := range s.Params {
		if from, ok := p.(map[string]interface{}); ok {
			values[i] = given[from["from"].(string)]
		} else {
			values[i] = p
		}
	}
	return values
}

func keyHash(r *http.Request) string {
	sum := sha256.Sum256([]byte(r.Header.Get("X-API-Key")))
	return `\x` + hex.EncodeToString(sum[:])
}

func answer(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(body)
}

func refuse(w http.ResponseWriter, status int, why string) {
	body, _ := json.Marshal(map[string]string{"detail": why})
	answer(w, status, body)
}

func accept(w http.ResponseWriter, r *http.Request) {
	c := call{Language: "auto", Kind: "other"}
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20))
	if err := decoder.Decode(&c); err != nil || !phone.MatchString(c.TargetPhone) || c.Brief == "" ||
		len(c.Brief) > 4000 || len(c.Language) > 16 || !kinds[c.Kind] {
		refuse(w, 422, "Validation Error")
		return
	}
	given := map[string]string{"key_hash": keyHash(r), "call_id": unique("call"), "task_id": unique("task"),
		"target_phone": c.TargetPhone, "brief": c.Brief, "language": c.Language, "kind": c.Kind}
	var result, body *string
	var err error
	for values := bound(&spec.Accept, given); ; time.Sleep(3 * time.Millisecond) {
		err = pool.QueryRow(r.Context(), "SELECT a.result, a.body FROM ("+spec.Accept.Statement+") a",
			values...).Scan(&result, &body)
		if err != nil || *result != "again" { // somebody else holds the customer's credits
			break
		}
	}
	switch {
	case err != nil:
		log.Print(err)
		refuse(w, 500, "Internal Server Error")
	case *result != "accepted":
		refuse(w, 402, *result)
	default:
		answer(w, 202, []byte(*body))
	}
}

func read(w http.ResponseWriter, r *http.Request) {
	given := map[string]string{"key_hash": keyHash(r), "call_id": strings.TrimPrefix(r.URL.Path, "/calls/")}
	rows, err := pool.Query(r.Context(), spec.Read.Statement, bound(&spec.Read, given)...)
	if err != nil || !rows.Next() {
		if rows != nil {
			rows.Close()
		}
		refuse(w, 401, "invalid API key")
		return
	}
	defer rows.Close()
	values, err := rows.Values()
	if err != nil {
		log.Print(err)
		refuse(w, 500, "Internal Server Error")
		return
	}
	shown := make(map[string]interface{}, len(values))
	for i, field := range rows.FieldDescriptions() {
		shown[string(field.Name)] = values[i]
	}
	if shown["call_id"] == nil {
		refuse(w, 404, "Not Found")
		return
	}
	body, _ := json.Marshal(shown)
	answer(w, 200, body)
}

func main() {
	text, err := os.ReadFile(os.Getenv("PEER_SPEC"))
	if err == nil {
		err = json.Unmarshal(text, &spec)
	}
	if err != nil {
		log.Fatal(err)
	}
	config, err := pgxpool.ParseConfig(os.Getenv("DATABASE_URL"))
	if err != nil {
		log.Fatal(err)
	}
	config.MinConns, config.MaxConns = int32(spec.Connections), int32(spec.Connections)
	if pool, err = pgxpool.ConnectConfig(context.Background(), config); err != nil {
		log.Fatal(err)
	}
	http.HandleFunc("/calls", accept)
	http.HandleFunc("/calls/", read)
	listener, err := net.Listen("tcp", "127.0.0.1:"+os.Getenv("PEER_PORT"))
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.Serve(listener, nil))
}
