; The shell in the commands of an image. The header of a script stays a comment here: Helix has no way to cut the
; sign at the beginning of each of its lines off.
(call
  function: (attribute
    attribute: (identifier) @_method)
  arguments: (argument_list
    [
      (string (string_content) @injection.content)
      (list (string (string_content) @injection.content))
      (tuple (string (string_content) @injection.content))
      (list (concatenated_string (string (string_content) @injection.content)))
      (keyword_argument
        name: (identifier) @_name
        value: (list (string (string_content) @injection.content))
        (#eq? @_name "commands"))
    ])
  (#eq? @_method "with_commands")
  (#set! injection.language "bash")
  (#set! injection.include-children))
