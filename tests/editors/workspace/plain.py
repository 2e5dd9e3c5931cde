print("no image here")
