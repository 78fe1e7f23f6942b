# page.jq: an OpenAPI document to the Markdown of a page that people read (cmark-gfm makes HTML of
# it). The descriptions in the document are Markdown already. Everything here comes from our own
# tables, at build time, so that HTML in it is ours.

# What who-asks parameters mean is said once, at the top.
def who_asks: ["X-API-Key", "X-Gateway-Context", "X-Workspace-Id", "workspace_id"];

def anchor: gsub("[^A-Za-z0-9]+"; "-") | ltrimstr("-") | rtrimstr("-");
def cell: gsub("\\s+"; " ") | gsub("\\|"; "\\|");
def quoted: tojson | gsub("\\|"; "\\|") | "`\(.)`";
def schema_link: ltrimstr("#/components/schemas/") | "[\(.)](#schema-\(anchor))";

def type_of:
    if has("$ref") then .["$ref"] | schema_link
    elif has("anyOf") then [.anyOf[] | type_of] | join(" or ")
    elif .type == "array" then "array of \((.items // {}) | type_of)"
    elif has("enum") then [.enum[] | quoted] | join(", ")
    elif has("format") then "\(.type), \(.format)"
    else .type // "anything" end;

# What its bounds allow, in words.
def bounds:
    [ (select(has("minLength") or has("maxLength"))
        | "\(.minLength // 0) to \(.maxLength // "any number of") characters"),
      (select(has("minimum") or has("maximum")) | "\(.minimum // "…") to \(.maximum // "…")"),
      (select(has("pattern")) | "matches \(.pattern | quoted)"),
      (.anyOf[]? | bounds | select(. != ""))
    ] | join("; ");

def about:
    [ (.description // "" | cell),
      bounds,
      (select(has("default")) | "Default \(.default | quoted).")
    ] | map(select(. != "")) | join(" · ");

def row: "| " + join(" | ") + " |";
def table(heads): [heads | row, (map("---") | row)] + . | join("\n");

def fields:
    . as $schema | [(.properties // {}) | to_entries[]
        | .key as $name
        | ["`\($name)`" + (if $schema.required // [] | index($name) then "" else " *(optional)*" end),
            (.value | type_of), (.value | about)] | row]
    | table(["Field", "Type", ""]);

def parameters:
    [.parameters[]? | select(.name as $name | who_asks | index($name) | not)
        | ["`\(.name)`" + (if .required then "" else " *(optional)*" end), .in,
            (.schema | type_of), (.schema | about)] | row]
    | if length == 0 then empty
      else "**Parameters**\n\n" + table(["Name", "In", "Type", ""]) end;

def bodies: (.content // {}) | to_entries
    | map(if .key == "application/json" then .value.schema | type_of else "`\(.key)`" end)
    | join(" or ");

def example: .content["application/json"].example? // empty
    | "```json\n\(tojson | fromjson)\n```";

def body: .requestBody // empty | "**Body**: \(bodies)\n\n" + (example // "");

def answers: "**Answers**\n\n" + ([.responses | to_entries[]
    | [.key, (.value | bodies), (.value.description | cell)] | row]
    | table(["Status", "Body", ""]));

def operation(method; path):
    "<section id=\"\(.operationId | anchor)\">",
    "<h3><b class=\"\(method)\">\(method | ascii_upcase)</b> <code>\(path | @html)</code></h3>",
    "",
    "**\(.summary)**" + (if .security == [] then " — public, no key" else "" end),
    "", (.description // ""), "", parameters, "", body, "", answers, "", "</section>", "";

def operations: [.paths | to_entries[] | .key as $path | .value | to_entries[]
    | {path: $path, method: .key, operation: .value}];

def contents:
    . as $document | "<nav>", "<a class=\"top\" href=\"#\">\(.info.title) \(.info.version)</a>",
    (.tags[].name as $tag | "<h2>\($tag)</h2>", "<ul>",
        ($document | operations[] | select(.operation.tags[0] == $tag)
            | "<li><a href=\"#\(.operation.operationId | anchor)\">"
                + "<b class=\"\(.method)\">\(.method | ascii_upcase)</b> \(.path | @html)</a></li>"),
        "</ul>"),
    "<h2>schemas</h2>", "<ul>",
    (.components.schemas | keys_unsorted[] | "<li><a href=\"#schema-\(anchor)\">\(.)</a></li>"),
    "</ul>", "</nav>", "";

def head:
    "<!DOCTYPE html>", "<html lang=\"en\">", "<head>", "<meta charset=\"utf-8\">",
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">",
    "<title>\(.info.title | @html) API</title>", "<link rel=\"stylesheet\" href=\"docs.css\">",
    "</head>", "<body>";

[ head, contents, "<main>", "",
  "# \(.info.title) API", "", .info.description, "",
  "The same for programs: [`/openapi.json`](/openapi.json).", "",
  (. as $document | .tags[] | .name as $tag | "<h2 class=\"tag\">\($tag)</h2>", "",
    (.description // ""), "",
    ($document | operations[] | select(.operation.tags[0] == $tag) | .method as $method
        | .path as $path | .operation | operation($method; $path))),
  "<h2 class=\"tag\">schemas</h2>", "",
  (.components.schemas | to_entries[]
    | "<section id=\"schema-\(.key | anchor)\">", "<h3>\(.key)</h3>", "",
        (.value.description // ""), "",
        (.value | if has("enum") then type_of else fields end), "", "</section>", ""),
  "</main>", "</body>", "</html>"
] | join("\n")
