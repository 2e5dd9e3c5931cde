# /// script
#dependencies = [
# "a
# ///
# /// script
# ///
