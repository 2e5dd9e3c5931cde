; extends

; The TOML in the header of a script (PEP 723). Each line is a comment of its own: the sign and the space before the
; TOML are cut off, the line's break is taken along, and all lines are read together. The header is the first comment
; of the file, or comes behind one line for the system. Neovim 0.12 or newer: `#offset!` has to take several nodes.
((module
  . (comment)? @_system
  . (comment) @_open
  . (comment)+ @injection.content
  . (comment) @_close)
  (#eq? @_open "# /// script")
  (#eq? @_close "# ///")
  (#offset! @injection.content 0 2 0 1)
  (#set! injection.language "toml")
  (#set! injection.combined))

; The shell in the commands of an image.
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
